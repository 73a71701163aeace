//! What is counted of a pool and of each of its servers.

/// One pool's counts, and those of its servers in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// The pool's name.
    pub name: String,
    /// What the pool counted.
    pub counts: PoolCounts,
    /// What its servers did.
    pub servers: Vec<ServerStats>,
}

/// One server's counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerStats {
    /// Its name on the ring.
    pub name: String,
    /// Whether it is ejected.
    pub is_ejected: bool,
    /// What was counted of it.
    pub counts: ServerCounts,
}

impl PoolStats {
    /// Adds what another thread counted of the same pool.
    pub(crate) fn add(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        for (server, other) in self.servers.iter_mut().zip(&other.servers) {
            server.is_ejected |= other.is_ejected;
            server.counts.add(&other.counts);
        }
    }
}

/// Makes a struct of numbers that can be added to another; of the `latest`, the greater stays.
macro_rules! counts {
    (
        $(#[$about:meta])*
        $name:ident { $($(#[$doc:meta])* $field:ident,)* }
        latest { $($(#[$last_doc:meta])* $last:ident,)* }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$doc])* pub $field: u64,)*
            $($(#[$last_doc])* pub $last: u64,)*
        }

        impl $name {
            fn add(&mut self, other: &Self) {
                $(self.$field += other.$field;)*
                $(self.$last = self.$last.max(other.$last);)*
            }
        }
    };
}

counts! {
    /// What a pool counted; twemproxy's names and meanings.
    PoolCounts {
        /// Clients that ended their connection.
        client_eof,
        /// Clients whose connection failed, or that were ended for what they sent.
        client_err,
        /// Clients that are connected.
        client_connections,
        /// Clients that ever were.
        total_connections,
        /// Clients that were closed since they did not read.
        client_unread,
        /// Clients that were refused, since there were enough.
        client_refused,
        /// Requests that clients sent.
        requests,
        /// Keys that moved to their new server.
        keys_moved,
        /// Keys that were looked for at their old server, and were not there.
        keys_missing,
        /// Servers that were ejected.
        server_ejects,
        /// Requests that got an error in place of a server's reply.
        forward_error,
        /// Parts of requests that were scattered.
        fragments,
    }
    latest {}
}

counts! {
    /// What one server counted; twemproxy's names and meanings.
    ServerCounts {
        /// Connections that the server ended.
        server_eof,
        /// Connections that failed, could not be made or lied.
        server_err,
        /// Connections that were given up, since a reply did not come in time.
        server_timedout,
        /// Connections that are up.
        server_connections,
        /// How often it was ejected.
        ejections,
        /// Requests that were queued for it.
        requests,
        /// Their bytes.
        request_bytes,
        /// Replies that it gave.
        responses,
        /// Their bytes.
        response_bytes,
        /// Requests that wait to be sent.
        in_queue,
        /// Their bytes.
        in_queue_bytes,
        /// Requests that were sent and wait for a reply.
        out_queue,
        /// Their bytes, as far as they were sent.
        out_queue_bytes,
        /// Connections that were ever made.
        connects,
    }
    latest {
        /// When it was ejected last, in microseconds of the proxy's clock; 0 if it never was.
        ejected_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_two_threads_are_added_and_the_later_ejection_stays() {
        let mut one = ServerCounts { requests: 1, ejected_at: 7, ..ServerCounts::default() };
        one.add(&ServerCounts { requests: 2, ejected_at: 5, ..ServerCounts::default() });
        assert_eq!((one.requests, one.ejected_at), (3, 7));
    }
}
