//! Where it is drawn: over itself on a terminal, as a table anywhere else.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use crate::{
    arrivals::SPAN,
    history::History,
    picture::{charts, head, line},
};

/// How far apart the lines of the table are.
const ROW: Duration = Duration::from_secs(20);

/// Where it is drawn.
#[derive(Debug)]
pub struct Screen {
    is_live: bool,
    /// Lines of the picture that is there now.
    drawn: usize,
    next_row: Duration,
}

impl Screen {
    pub fn new(speed: u32) -> io::Result<Self> {
        let screen = Self { is_live: io::stdout().is_terminal(), drawn: 0, next_row: Duration::ZERO };
        let mut out = io::stdout().lock();
        let (minutes, seconds) = (SPAN.as_secs() / 60, SPAN.as_secs() / u64::from(speed));
        writeln!(out, "{minutes} minutes in about {seconds} seconds\n")?;
        if !screen.is_live {
            writeln!(out, "{}", head())?;
        }
        Ok(screen)
    }

    pub fn draw(&mut self, history: &History) -> io::Result<()> {
        let sample = history.last();
        if self.is_live {
            return self.replace(&[charts(history), vec![String::new(), head(), line(&sample)]].concat());
        }
        if sample.at >= self.next_row {
            self.next_row = sample.at + ROW;
            writeln!(io::stdout().lock(), "{}", line(&sample))?;
        }
        Ok(())
    }

    /// Takes the picture away.
    pub fn clear(&mut self) -> io::Result<()> {
        self.replace(&[])
    }

    fn replace(&mut self, lines: &[String]) -> io::Result<()> {
        let mut text = String::new();
        if self.drawn > 0 {
            // To the first line of the picture, and nothing below it.
            text.push_str(&format!("\x1b[{}F\x1b[J", self.drawn));
        }
        lines.iter().for_each(|line| {
            text.push_str(line);
            text.push('\n');
        });
        self.drawn = lines.len();
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}
