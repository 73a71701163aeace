//! Finds a command by its name.

use super::{
    Command,
    table::{COMMANDS, MODULE, SEARCH},
};

/// The longest name that there is.
const LONGEST: usize = 24;
/// How many places there are, of which a sixth is taken, so that most names are found at the first.
const PLACES: usize = 2048;

/// Where each command is: one more than its number, or 0. Taken places are passed over.
static INDEX: [u16; PLACES] = index();

/// The command of this name in any case; of a container, the container.
#[inline]
pub(crate) fn lookup(name: &[u8]) -> Option<&'static Command> {
    if name.len() > LONGEST {
        return module(name);
    }
    let mut place = place(name);
    loop {
        match usize::from(INDEX[place]).checked_sub(1) {
            None => return module(name),
            Some(number) => {
                let command = &COMMANDS[number];
                if command.name.as_bytes().eq_ignore_ascii_case(name) {
                    return Some(command);
                }
            }
        }
        place = (place + 1) % PLACES;
    }
}

/// A module's commands have its name and a full stop in front.
#[cold]
fn module(name: &[u8]) -> Option<&'static Command> {
    let stop = name.iter().position(|byte| *byte == b'.')?;
    let (module, verb) = name.split_at(stop);
    match verb.len() > 1 && !module.is_empty() {
        true if module.eq_ignore_ascii_case(b"ft") => Some(&SEARCH),
        is_named => is_named.then_some(&MODULE),
    }
}

/// Where a name is looked for first, the same in upper and lower case.
#[inline]
const fn place(name: &[u8]) -> usize {
    let (mut hash, mut at) = (name.len() as u64, 0);
    while at < name.len() {
        hash = hash.rotate_left(7) ^ (name[at] | 0x20) as u64;
        at += 1;
    }
    (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53) as usize
}

const fn index() -> [u16; PLACES] {
    let (mut index, mut number) = ([0; PLACES], 0);
    while number < COMMANDS.len() {
        let name = COMMANDS[number].name.as_bytes();
        assert!(name.len() <= LONGEST, "a name is longer than the longest");
        let mut place = place(name);
        while index[place] != 0 {
            place = (place + 1) % PLACES;
        }
        number += 1;
        index[place] = number as u16;
    }
    index
}
