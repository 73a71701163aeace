//! What a file knows about itself.

use std::path::Path;

use entourage_core::{Moment, Realm};
use rusqlite::{Connection, OptionalExtension, params};

use crate::sqlite::{
    Error, Result, Schema,
    epochs::Epochs,
    identity::{FileId, random_realm},
};

/// "entr", in the field of the header that SQLite keeps for this.
const APPLICATION: i32 = 0x656e_7472;
/// The version of the tables below.
const FORMAT: u32 = 1;

const TABLES: &str = "
    CREATE TABLE entourage_file (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        format INTEGER NOT NULL,
        realm BLOB NOT NULL,
        device INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        born INTEGER NOT NULL,
        machine TEXT,
        timeline TEXT NOT NULL,
        generation INTEGER NOT NULL,
        next_epoch INTEGER NOT NULL,
        epoch_ceiling INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE entourage_schema (
        name TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        generation INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;";

/// Who opens the file, where and when.
#[derive(Clone, Debug)]
pub(crate) struct Opener<'a> {
    pub(crate) path: &'a Path,
    pub(crate) id: FileId,
    pub(crate) machine: Option<String>,
    pub(crate) timeline: String,
    pub(crate) now: Moment,
    pub(crate) adopt: bool,
}

/// What an opened file is until another machine, boot or adoption takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tenure {
    pub(crate) realm: Realm,
    /// Counts reboots and adoptions: another number means that the file was taken over.
    pub(crate) generation: i64,
}

/// Whether the file may be opened: blank or ours. Changes nothing.
pub(crate) fn probe(connection: &Connection, path: &Path) -> Result<Content> {
    match content(connection)? {
        Content::Other => Err(Error::NotOurs { path: path.to_owned() }),
        content => Ok(content),
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Blank,
    Ours,
    Other,
}

fn content(connection: &Connection) -> rusqlite::Result<Content> {
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i32>(0));
    let application = number("PRAGMA application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let is_ours = number("SELECT count(*) FROM sqlite_schema WHERE name = 'entourage_file'")? == 1;
    Ok(match application {
        APPLICATION if is_ours => Content::Ours,
        0 if tables == 0 && number("PRAGMA user_version")? == 0 => Content::Blank,
        _ => Content::Other,
    })
}

/// Takes the file: creates, recognises, refuses or adopts it. Run within a transaction.
pub(crate) fn claim(connection: &Connection, opener: &Opener<'_>, schema: &Schema) -> Result<Tenure> {
    let tenure = match probe(connection, opener.path)? {
        Content::Blank => create(connection, opener)?,
        _ => recognise(connection, opener)?,
    };
    install(connection, opener, schema, tenure)?;
    Ok(tenure)
}

fn create(connection: &Connection, opener: &Opener<'_>) -> Result<Tenure> {
    connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION}; {TABLES}"))?;
    let tenure = Tenure { realm: draw()?, generation: 1 };
    record(connection, opener, tenure, Epochs::first())?;
    Ok(tenure)
}

fn recognise(connection: &Connection, opener: &Opener<'_>) -> Result<Tenure> {
    let format = "SELECT format FROM entourage_file";
    let found: u32 = connection.query_row(format, [], |row| row.get(0))?;
    if found != FORMAT {
        return Err(version(opener.path, "file", found, FORMAT));
    }
    let (tenure, epochs) = read(connection)?;
    let sql = "SELECT device, inode, born, machine, timeline FROM entourage_file";
    let (recorded, machine, timeline) = connection.query_row(sql, [], |row| {
        let id = FileId {
            device: row.get::<_, i64>(0)?.cast_unsigned(),
            inode: row.get::<_, i64>(1)?.cast_unsigned(),
            born: row.get(2)?,
        };
        Ok((id, row.get::<_, Option<String>>(3)?, row.get::<_, String>(4)?))
    })?;

    let same_boot = timeline == opener.timeline;
    let same_file = if same_boot { opener.id == recorded } else { opener.id.is_after_reboot(&recorded) };
    let same_machine = same_boot || (machine.is_some() && machine == opener.machine);
    let foreign = match (same_file, same_machine) {
        (true, true) => None,
        (false, _) => Some("is a copy of the file it was made as"),
        (true, false) => Some("comes from another machine"),
    };
    let tenure = match foreign {
        None if same_boot => return Ok(tenure),
        None => Tenure { generation: tenure.generation + 1, ..tenure },
        Some(_) if opener.adopt => Tenure { realm: draw()?, generation: tenure.generation + 1 },
        Some(why) => return Err(Error::Foreign { path: opener.path.to_owned(), why }),
    };
    record(connection, opener, tenure, epochs)?;
    Ok(tenure)
}

/// Creates the schema's tables, or tells them of what happened since they were last used.
fn install(connection: &Connection, opener: &Opener<'_>, schema: &Schema, tenure: Tenure) -> Result<()> {
    let sql = "SELECT version, generation FROM entourage_schema WHERE name = ?1";
    let known = connection
        .query_row(sql, [schema.name], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    if let Some((found, _)) = known
        && found != schema.version
    {
        return Err(version(opener.path, schema.name, found, schema.version));
    }
    connection.execute_batch(schema.create)?;
    if known.is_some_and(|(_, generation)| generation != tenure.generation) {
        (schema.rebooted)(connection, opener.now)?;
    }
    if known.is_none_or(|(_, generation)| generation != tenure.generation) {
        connection.execute(
            "INSERT OR REPLACE INTO entourage_schema (name, version, generation) VALUES (?1, ?2, ?3)",
            params![schema.name, schema.version, tenure.generation],
        )?;
    }
    Ok(())
}

fn record(connection: &Connection, opener: &Opener<'_>, tenure: Tenure, epochs: Epochs) -> Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO entourage_file (one, format, realm, device, inode, born, machine, \
         timeline, generation, next_epoch, epoch_ceiling) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            FORMAT,
            tenure.realm.id().to_be_bytes(),
            opener.id.device.cast_signed(),
            opener.id.inode.cast_signed(),
            opener.id.born,
            opener.machine,
            opener.timeline,
            tenure.generation,
            epochs.next.cast_signed(),
            epochs.ceiling.cast_signed(),
        ],
    )?;
    Ok(())
}

/// What changes while a file is open.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<(Tenure, Epochs)> {
    let sql = "SELECT realm, generation, next_epoch, epoch_ceiling FROM entourage_file";
    connection.prepare_cached(sql)?.query_row([], |row| {
        let tenure = Tenure { realm: Realm::new(u128::from_be_bytes(row.get(0)?)), generation: row.get(1)? };
        let epochs = Epochs {
            next: row.get::<_, i64>(2)?.cast_unsigned(),
            ceiling: row.get::<_, i64>(3)?.cast_unsigned(),
        };
        Ok((tenure, epochs))
    })
}

/// Keeps the counter. Run within a transaction.
pub(crate) fn keep(connection: &Connection, epochs: Epochs) -> rusqlite::Result<()> {
    let sql = "UPDATE entourage_file SET next_epoch = ?1, epoch_ceiling = ?2";
    let values = [epochs.next.cast_signed(), epochs.ceiling.cast_signed()];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

fn draw() -> Result<Realm> {
    random_realm().map_err(Error::unavailable)
}

fn version(path: &Path, schema: &str, found: u32, expected: u32) -> Error {
    Error::Version { path: path.to_owned(), schema: schema.to_owned(), found, expected }
}
