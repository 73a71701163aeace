//! Certificates and keys, as files have them.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use rustls::{
    RootCertStore,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};

use super::Unusable;

/// The most bytes of a file that are read.
const LONGEST: u64 = 1024 * 1024;

/// How all connections are encrypted, chosen here and not by what else is linked into the process.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates of a chain, the one that speaks for this side first.
pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let malformed = |source| Unusable::Malformed { path: path.to_owned(), what: "certificate", source };
    let bytes = read(path)?;
    let chain = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| malformed(why(&error).into()))?;
    if chain.is_empty() {
        return Err(malformed("there is none".into()));
    }
    Ok(chain)
}

/// A key in PKCS #8, PKCS #1 or SEC 1.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Unusable> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| Unusable::Malformed {
        path: path.to_owned(),
        what: "key without a password",
        source: why(&error).into(),
    })
}

/// Authorities whose certificates are believed.
pub(super) fn authorities(path: &Path) -> Result<Arc<RootCertStore>, Unusable> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(path)? {
        roots.add(certificate).map_err(|error| Unusable::Malformed {
            path: path.to_owned(),
            what: "certificate of an authority",
            source: error.into(),
        })?;
    }
    Ok(Arc::new(roots))
}

/// What is wrong with PEM (RFC 7468), without a word of the file.
const fn why(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "its line -----END…----- is missing",
        pem::Error::IllegalSectionStart { .. } => "its line -----BEGIN…----- is damaged",
        pem::Error::Base64Decode(_) => "what stands between its first and last line is not Base64",
        pem::Error::SectionTooLarge => "it is too long",
        pem::Error::NoItemsFound => "there is none",
        _ => "it cannot be read",
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Unusable> {
    let bytes = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
        match bytes.len() as u64 > LONGEST {
            true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB")),
            false => Ok(bytes),
        }
    };
    bytes().map_err(|source| Unusable::Unreadable { path: path.to_owned(), source })
}
