//! What twemproxy says at its port of statistics.

use std::{fmt::Write, time::Duration};

use entourage_core::Moment;

use super::{
    PoolStats, ServerStats,
    figures::{POOL, Row, SERVER},
};

/// Whose statistics they are, and of when.
///
/// ```
/// use std::time::Duration;
///
/// use entourage_ambassador::Summary;
///
/// let summary = Summary { source: "here", uptime: Duration::from_secs(7), ..Summary::default() };
/// let json = summary.json(&[]);
/// assert!(json.starts_with(r#"{"service":"nutcracker", "source":"here", "#));
/// assert!(json.contains(r#""uptime":7, "timestamp":0, "total_connections":0"#));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary<'a> {
    /// The machine's name.
    pub source: &'a str,
    /// The program's version.
    pub version: &'a str,
    /// How long it has been running.
    pub uptime: Duration,
    /// The wall clock, as the time since 1970.
    pub timestamp: Duration,
    /// The clock of the proxy, at the same moment.
    pub now: Moment,
}

impl Summary<'_> {
    /// One JSON object with the fields, the order and the nesting of nutcracker 0.5.0, and its
    /// meanings.
    ///
    /// The connections in all are those of clients and of servers. What nutcracker has no word for
    /// is not in it.
    #[must_use]
    pub fn json(&self, pools: &[PoolStats]) -> String {
        let (mut total, mut current) = (0, 0);
        for pool in pools {
            total += pool.counts.total_connections;
            current += pool.counts.client_connections;
            for server in &pool.servers {
                total += server.counts.connects;
                current += server.counts.server_connections;
            }
        }
        let mut json = String::from("{\"service\":\"nutcracker\", \"source\":");
        text(&mut json, self.source);
        json.push_str(", \"version\":");
        text(&mut json, self.version);
        let (uptime, timestamp) = (self.uptime.as_secs(), self.timestamp.as_secs());
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            json,
            ", \"uptime\":{uptime}, \"timestamp\":{timestamp}, \"total_connections\":{total}, \
             \"curr_connections\":{current}"
        );
        for pool in pools {
            json.push_str(", ");
            self.pool(&mut json, pool);
        }
        json.push_str("}\n");
        json
    }

    fn pool(&self, json: &mut String, pool: &PoolStats) {
        text(json, &pool.name);
        json.push_str(": {");
        figures(json, &POOL, &pool.counts, |_| None);
        for server in &pool.servers {
            json.push_str(", ");
            text(json, &server.name);
            json.push_str(": {");
            let ejected_at = self.ejected_at(server);
            figures(json, &SERVER, server, |name| (name == "server_ejected_at").then_some(ejected_at));
            json.push('}');
        }
        json.push('}');
    }

    /// When a server was ejected last, by the wall clock in microseconds; 0 if it never was.
    fn ejected_at(&self, server: &ServerStats) -> u64 {
        if server.counts.ejected_at == 0 {
            return 0;
        }
        let at = Moment::ZERO + Duration::from_micros(server.counts.ejected_at);
        let at = self.timestamp.saturating_sub(self.now.since(at));
        u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
    }
}

/// Writes those that twemproxy knows; `instead` has what is to stand for some of them.
fn figures<T>(json: &mut String, rows: &[Row<T>], of: &T, instead: impl Fn(&str) -> Option<u64>) {
    let known = rows.iter().filter_map(|(figure, value)| Some((figure.twemproxy?, value)));
    for (place, (name, value)) in known.enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        let _ = write!(json, "{comma}\"{name}\":{}", instead(name).unwrap_or_else(|| value(of)));
    }
}

/// Writes a JSON string (RFC 8259, section 7).
fn text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            control if control < ' ' => {
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            other => json.push(other),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str, requests: u64, ejected_at: u64) -> ServerStats {
        let mut server = ServerStats { name: name.to_owned(), ..ServerStats::default() };
        (server.counts.requests, server.counts.ejected_at) = (requests, ejected_at);
        server
    }

    fn summary() -> Summary<'static> {
        Summary {
            source: "vm",
            version: "0.1.0",
            uptime: Duration::from_millis(1_900),
            timestamp: Duration::from_secs(1_000_000),
            now: Moment::ZERO + Duration::from_secs(100),
        }
    }

    #[test]
    fn a_pool_is_as_nutcracker_shows_it() {
        let servers = vec![server("two", 3, 0)];
        let mut pool = PoolStats { name: "alpha".to_owned(), servers, ..PoolStats::default() };
        (pool.counts.total_connections, pool.counts.client_connections) = (5, 2);
        (pool.servers[0].counts.connects, pool.servers[0].counts.server_connections) = (4, 1);
        let wanted = concat!(
            r#"{"service":"nutcracker", "source":"vm", "version":"0.1.0", "uptime":1, "timestamp":1000000, "#,
            r#""total_connections":9, "curr_connections":3, "alpha": {"client_eof":0, "client_err":0, "#,
            r#""client_connections":2, "server_ejects":0, "forward_error":0, "fragments":0, "#,
            r#""two": {"server_eof":0, "server_err":0, "server_timedout":0, "server_connections":1, "#,
            r#""server_ejected_at":0, "requests":3, "request_bytes":0, "responses":0, "response_bytes":0, "#,
            r#""in_queue":0, "in_queue_bytes":0, "out_queue":0, "out_queue_bytes":0}}}"#,
            "\n",
        );
        assert_eq!(summary().json(&[pool]), wanted);
    }

    #[test]
    fn an_ejection_is_told_by_the_wall_clock_in_microseconds() {
        let ejected = server("a", 0, 90_000_000);
        assert_eq!(summary().ejected_at(&ejected), 999_990_000_000);
        assert_eq!(summary().ejected_at(&server("a", 0, 0)), 0);
    }

    #[test]
    fn no_name_breaks_out_of_its_quotes() {
        let mut json = String::new();
        text(&mut json, "a\"b\\c\nd\u{1f}é");
        assert_eq!(json, r#""a\"b\\c\u000ad\u001fé""#);
    }
}
