//! Where the picture is drawn: over itself on a terminal, as plain lines anywhere else.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use entourage::core::Moment;

use crate::{picture, scene::Scene};

#[derive(Debug)]
pub struct Screen {
    is_live: bool,
    /// The stretch of time that the picture shows.
    span: Duration,
    /// Lines of the picture that is there now.
    drawn: usize,
    /// Lines of the log that were printed.
    logged: usize,
}

impl Screen {
    pub fn new(span: Duration) -> Self {
        Self { is_live: io::stdout().is_terminal(), span, drawn: 0, logged: 0 }
    }

    /// Prints what is new in the log, and below it the picture, if somebody looks.
    pub fn draw(&mut self, scene: &Scene, now: Moment) -> io::Result<()> {
        let picture = if self.is_live { picture::live(scene, now, self.span) } else { Vec::new() };
        self.replace(scene, &picture)
    }

    /// Prints what is new in the log, and takes the picture away.
    pub fn clear(&mut self, scene: &Scene) -> io::Result<()> {
        self.replace(scene, &[])
    }

    fn replace(&mut self, scene: &Scene, picture: &[String]) -> io::Result<()> {
        let mut text = String::new();
        if self.drawn > 0 {
            // To the first line of the picture, and nothing below it.
            text.push_str(&format!("\x1b[{}F\x1b[J", self.drawn));
        }
        for (at, what) in &scene.log[self.logged..] {
            text.push_str(&format!("{:>7.2} s  {what}\n", at.since(scene.began).as_secs_f64()));
        }
        if !picture.is_empty() {
            text.push('\n');
            picture.iter().for_each(|line| {
                text.push_str(line);
                text.push('\n');
            });
        }
        self.drawn = if picture.is_empty() { 0 } else { picture.len() + 1 };
        self.logged = scene.log.len();
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}
