//! A program in another language, which does what it is asked for by a line, and says how long it took.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use entourage_rivals::Figure;

use crate::{Load, Outcome, PATIENCE};

/// How many jobs at a time BullMQ's worker has in its hands, where others have a batch.
const CONCURRENCY: usize = 50;

/// A program that waits for requests; it is killed when this is dropped.
pub struct Foreign {
    command: String,
    child: Child,
    requests: ChildStdin,
    answers: Receiver<String>,
}

impl Foreign {
    pub fn start(name: &str, mut command: Command) -> Outcome<Self> {
        let words = [command.get_program()].into_iter().chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("{} cannot be run: {error}", words[0]))?;
        let requests = child.stdin.take().ok_or_else(|| format!("{name} cannot be asked"))?;
        let said = child.stdout.take().ok_or_else(|| format!("{name} cannot answer"))?;
        let (answer, answers) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(said).lines().map_while(Result::ok);
            // Until nobody listens any more.
            lines.map(|line| answer.send(line)).take_while(Result::is_ok).count()
        });
        Ok(Self { command: words.join(" "), child, requests, answers })
    }

    pub fn command(&self) -> &str {
        &self.command
    }

    /// Published and then consumed; the figures are the program's own.
    pub fn turn(&mut self, load: Load) -> Outcome<[Figure; 2]> {
        let concurrency = load.batch.min(CONCURRENCY);
        Ok([
            self.ask(format_args!("publish {} {}", load.items, load.batch), load.items)?,
            self.ask(format_args!("consume {} {concurrency}", load.items), load.items)?,
        ])
    }

    fn ask(&mut self, request: std::fmt::Arguments<'_>, items: usize) -> Outcome<Figure> {
        writeln!(self.requests, "{request}")?;
        let answer = self.answers.recv_timeout(PATIENCE).map_err(|_| format!("no answer to {request}"))?;
        let number = |word: Option<&str>| word.and_then(|word| word.parse::<f64>().ok());
        let mut words = answer.split(' ');
        match (number(words.next()), number(words.next())) {
            (Some(seconds), Some(cpu)) => {
                Ok(Figure { rate: items as f64 / seconds, cpu: cpu / items as f64 })
            }
            _ => Err(format!("it answers {answer:?} to {request}").into()),
        }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // One that has ended already needs neither.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
