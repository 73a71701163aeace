//! Who clients and servers are.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use clap::Args;
use entourage_ambassador::{
    Access, Login,
    nutcracker::Secret,
    tls::{ClientTls, ServerTls},
};

use crate::exit::Usage;

/// The most bytes of the file of a password.
const LONGEST: u64 = 64 * 1024;

/// How clients and servers of every pool are known to be who they are.
#[derive(Args)]
pub(super) struct Identity {
    /// The certificate that clients of every port are shown, in PEM, its chain behind it; with --tls-key they have to speak TLS [default: in the open]
    #[arg(long, env = "ENTOURAGE_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key, in PEM and without a password [default: none]
    #[arg(long, env = "ENTOURAGE_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The authorities of clients, in PEM: who has no certificate of one of them is not let in [default: nobody is asked for one]
    #[arg(long, env = "ENTOURAGE_TLS_CLIENT_CA", value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// The authorities of servers, in PEM: servers reached by host and port have to speak TLS, and to show a certificate for their host [default: in the open]
    #[arg(long, env = "ENTOURAGE_UPSTREAM_CA", value_name = "FILE")]
    upstream_ca: Option<PathBuf>,
    /// The name in every server's certificate [default: its host in the configuration]
    #[arg(long, env = "ENTOURAGE_UPSTREAM_SERVER_NAME", value_name = "NAME", requires = "upstream_ca")]
    upstream_server_name: Option<String>,
    /// The certificate that servers are shown, in PEM [default: none]
    #[arg(long, env = "ENTOURAGE_UPSTREAM_CERT", value_name = "FILE", requires_all = ["upstream_ca", "upstream_key"])]
    upstream_cert: Option<PathBuf>,
    /// Its key, in PEM and without a password [default: none]
    #[arg(long, env = "ENTOURAGE_UPSTREAM_KEY", value_name = "FILE", requires = "upstream_cert")]
    upstream_key: Option<PathBuf>,
    /// The user that servers of Redis are told with AUTH, whose password is in --auth-file [default: the password redis_auth alone]
    #[arg(long, env = "ENTOURAGE_AUTH_USER", value_name = "USER", requires = "auth_file")]
    auth_user: Option<String>,
    /// The file of that user's password; a line end behind it is no part of it [default: none]
    #[arg(long, env = "ENTOURAGE_AUTH_FILE", value_name = "FILE", requires = "auth_user")]
    auth_file: Option<PathBuf>,
}

impl Identity {
    /// What holds for every pool.
    ///
    /// # Errors
    /// The file of the password cannot be read, or is too long to have none but that.
    pub(super) fn access(&self) -> Result<Access, Usage> {
        let mut access = Access::default();
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            let mut tls = ServerTls::new(certificate, key);
            tls.client_ca.clone_from(&self.tls_client_ca);
            access.tls = Some(tls);
        }
        if let Some(ca) = &self.upstream_ca {
            let mut tls = ClientTls::new(ca);
            tls.server_name.clone_from(&self.upstream_server_name);
            tls.identity = self.upstream_cert.clone().zip(self.upstream_key.clone());
            access.upstream_tls = Some(tls);
        }
        if let (Some(user), Some(path)) = (&self.auth_user, &self.auth_file) {
            access.auth = Some(Login { user: user.clone(), password: password(path)? });
        }
        Ok(access)
    }
}

/// What a file says, a line end behind it aside.
fn password(path: &Path) -> Result<Secret, Usage> {
    let refused = |why: &str| Usage(format!("--auth-file: {} {why}", path.display()));
    let mut said = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut said));
    read.map_err(|error| refused(&format!("cannot be read: {error}; name the file of the password")))?;
    if said.len() as u64 > LONGEST {
        return Err(refused(&format!("is longer than {LONGEST} bytes; name one with the password alone")));
    }
    let line = said.strip_suffix(b"\n").unwrap_or(&said);
    Ok(Secret::new(line.strip_suffix(b"\r").unwrap_or(line)))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        identity: Identity,
    }

    fn access(flags: &[&str]) -> Option<Access> {
        let line = Line::try_parse_from([&["shard"], flags].concat()).ok()?;
        line.identity.access().ok()
    }

    #[test]
    fn unless_said_all_is_in_the_open() {
        assert_eq!(access(&[]), Some(Access::default()));
    }

    #[test]
    fn half_of_what_belongs_together_is_refused() {
        for flags in [
            ["--tls-cert", "c"],
            ["--tls-key", "k"],
            ["--tls-client-ca", "a"],
            ["--upstream-server-name", "n"],
            ["--upstream-key", "k"],
            ["--auth-user", "u"],
            ["--auth-file", "f"],
        ] {
            assert_eq!(access(&flags), None, "{flags:?}");
        }
    }

    #[test]
    fn each_flag_is_taken_for_what_it_says() {
        let said = access(&[
            "--tls-cert=c",
            "--tls-key=k",
            "--tls-client-ca=a",
            "--upstream-ca=u",
            "--upstream-server-name=n",
        ]);
        let said = said.expect("it is whole");
        let mut clients = ServerTls::new("c", "k");
        clients.client_ca = Some("a".into());
        let mut servers = ClientTls::new("u");
        servers.server_name = Some("n".to_owned());
        assert_eq!((said.tls, said.upstream_tls), (Some(clients), Some(servers)));
    }
}
