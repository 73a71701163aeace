//! What servers and connections do, and what goes wrong with them.

use std::{mem, time::Duration};

use entourage_core::Moment;

use super::{Line, SPARED, TIMEOUT, World};
use crate::{
    failure::Cause,
    mux::{
        Input,
        tests::shard::{Lie, Link, piece},
    },
};

impl World {
    /// A server answers some of what has arrived.
    pub(super) fn serve(&mut self, place: usize) {
        let (server, Line::Up(link)) = &mut self.lines[place] else { return };
        if link.stalled_until <= self.now || self.calm {
            let most = self.rng.between(1..30) as usize;
            self.shards[*server].serve(link, most, None);
        }
    }

    /// Some of what a server said is read, and more is written to it: as its task when it is woken.
    pub(super) fn hear(&mut self, place: usize) {
        if self.mux.wants(place).reset {
            return self.wake_line(place);
        }
        let Line::Up(link) = &mut self.lines[place].1 else { return };
        let bytes = link.read(piece(&mut self.rng));
        if bytes.is_empty() && link.closed {
            return self.lose(place, Cause::Lost);
        }
        let told = if link.inbox.is_empty() {
            let mut input = Input::Lent(&bytes);
            let told = self.mux.reply(place, &mut input);
            link.inbox.extend_from_slice(input.rest());
            told
        } else {
            link.inbox.extend_from_slice(&bytes);
            self.mux.reply(place, &mut Input::Held(&mut link.inbox))
        };
        if told.is_err() {
            return self.lose(place, Cause::Lied);
        }
        self.write_on(place);
    }

    /// Writes what did not go in before; a server that has just spoken is not looked at again.
    fn write_on(&mut self, place: usize) {
        let Line::Up(link) = &mut self.lines[place].1 else { return };
        let mut slices = [std::io::IoSlice::new(&[]); 3];
        let filled = self.mux.for_server(place, &mut slices);
        slices[..filled].iter().for_each(|slice| link.push(slice));
        let count = slices[..filled].iter().map(|slice| slice.len()).sum();
        self.mux.sent(place, count);
    }

    /// As the task of a connection when it is woken: it gives up its socket, or makes one.
    pub(super) fn wake_line(&mut self, place: usize) {
        if matches!(self.lines[place].1, Line::Up(_)) && self.mux.wants(place).reset {
            self.tally.lost_links += 1;
            self.drop_link(place);
        }
        if matches!(self.lines[place].1, Line::Idle) && self.mux.wants(place).is_asked {
            self.mux.renewed(place);
            let is_spared = self.calm || self.lines[place].0 == SPARED;
            let fails = !is_spared && self.rng.between(0..4) == 0;
            let longest = if is_spared { 4 } else { TIMEOUT };
            self.lines[place].1 = Line::Connecting { until: self.now + self.rng.between(0..longest), fails };
        }
    }

    /// The task of a connection finds that it is gone.
    fn lose(&mut self, place: usize, cause: Cause) {
        self.tally.lost_links += 1;
        let gives_up = self.mux.lose(place, cause);
        self.drop_link(place);
        if gives_up {
            self.shut(place, cause);
        } else {
            self.wake_line(place);
        }
    }

    fn shut(&mut self, place: usize, cause: Cause) {
        self.mux.shut(place, Some(cause));
        self.lines[place].1 = Line::Shut { until: self.now + 10 };
    }

    /// A connection is closed; what the server had of it, it does.
    pub(super) fn drop_link(&mut self, place: usize) {
        let (server, line) = &mut self.lines[place];
        if let Line::Up(link) = mem::replace(line, Line::Idle) {
            self.shards[*server].end(*link);
        }
    }

    /// Time passes: connections are made or not, and what waits for too long is given up.
    pub(super) fn pass_time(&mut self) {
        self.pump_spared();
        self.now += self.rng.between(1..5);
        let now = Moment::ZERO + Duration::from_millis(self.now);
        self.mux.tell(now);
        for place in 0..self.lines.len() {
            match self.lines[place].1 {
                Line::Connecting { until, fails } if until <= self.now => self.connect(place, fails),
                Line::Shut { until } if until <= self.now => {
                    self.mux.shut(place, None);
                    self.lines[place].1 = Line::Idle;
                    self.wake_line(place);
                }
                _ => {}
            }
        }
        if self.terms.faults && self.rng.between(0..3) == 0 {
            self.mux.sweep(Duration::from_millis(TIMEOUT));
        }
        for server in self.mux.due() {
            if self.calm || self.rng.between(0..2) == 0 {
                self.mux.readmit(server);
            }
        }
        self.flush();
    }

    fn connect(&mut self, place: usize, fails: bool) {
        if fails {
            self.mux.lose(place, Cause::Refused);
            self.shut(place, Cause::Refused);
        } else {
            self.lines[place].1 = Line::Up(Box::default());
            self.mux.connected(place);
            self.wake_line(place);
        }
    }

    /// The server that does no wrong keeps no time either: it has answered before any passes.
    fn pump_spared(&mut self) {
        self.flush();
        for place in 0..self.lines.len() {
            if self.lines[place].0 != SPARED {
                continue;
            }
            loop {
                self.write_on(place);
                let (server, Line::Up(link)) = &mut self.lines[place] else { break };
                self.shards[*server].serve(link, usize::MAX, None);
                if link.to_proxy.is_empty() {
                    break;
                }
                self.hear(place);
            }
        }
        self.flush();
    }

    /// A server does wrong.
    pub(super) fn fault(&mut self, place: usize) {
        if self.calm || self.lines[place].0 == SPARED {
            return;
        }
        let is_quiet = self.mux.wants(place).is_quiet;
        let (server, Line::Up(link)) = &mut self.lines[place] else { return };
        let link: &mut Link = link;
        if link.closed {
            // What it says no more cannot be told from what it never said.
            return;
        }
        match self.rng.between(0..6) {
            0 | 1 => link.stalled_until = self.now + self.rng.between(1..3 * TIMEOUT),
            2 => {
                let keeps = piece(&mut self.rng).min(link.to_proxy.len());
                link.to_proxy.truncate(keeps);
                link.closed = true;
            }
            3 => {
                let lie = if self.rng.between(0..2) == 0 { Lie::Garbage } else { Lie::WrongKind };
                self.shards[*server].serve(link, 2, Some(lie));
            }
            4 if is_quiet && link.to_proxy.is_empty() => link.to_proxy.extend(b"$3\r\nlie\r\n"),
            _ if link.is_cut() && !is_quiet => {
                link.to_proxy.extend(b"$3\r\nlie\r\n");
                // Whole, and before the rest of the request is on its way.
                while matches!(&self.lines[place].1, Line::Up(link) if !link.to_proxy.is_empty()) {
                    self.hear_only(place);
                }
            }
            _ => {}
        }
    }

    fn hear_only(&mut self, place: usize) {
        let Line::Up(link) = &mut self.lines[place].1 else { return };
        let bytes = link.read(usize::MAX);
        link.inbox.extend_from_slice(&bytes);
        if self.mux.reply(place, &mut Input::Held(&mut link.inbox)).is_err() {
            self.lose(place, Cause::Lied);
        }
    }
}
