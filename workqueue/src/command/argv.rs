//! A command line without a shell.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

/// An argument in which each `$(NAME)` is the value that `lookup` knows; all else stays as it is.
///
/// The syntax is that of `args` in a Kubernetes container, but that `$$` is left alone: it is the
/// shell's where a script is an argument. A value is one argument or a part of one, whatever is
/// in it, and is not looked at again.
pub(super) fn expanded<'a>(argument: &OsStr, lookup: impl Fn(&OsStr) -> Option<&'a OsStr>) -> OsString {
    let mut rest = argument.as_bytes();
    let mut out = Vec::with_capacity(rest.len());
    while let Some(at) = rest.windows(2).position(|two| two == b"$(") {
        let (before, found) = rest.split_at(at);
        out.extend_from_slice(before);
        let end = found.iter().position(|byte| *byte == b')');
        let known = end.and_then(|end| Some((end, lookup(OsStr::from_bytes(&found[2..end]))?)));
        let (value, length) = match known {
            Some((end, value)) => (value.as_bytes(), end + 1),
            None => (&found[..2], 2),
        };
        out.extend_from_slice(value);
        rest = &found[length..];
    }
    out.extend_from_slice(rest);
    OsString::from_vec(out)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::expanded;

    #[test]
    fn a_variable_is_replaced_and_nothing_else_is_touched() {
        let lookup = |name: &OsStr| match name.to_str() {
            Some("A") => Some(OsStr::new("a b; $(B)")),
            Some("B") => Some(OsStr::new("")),
            _ => None,
        };
        for (given, wanted) in [
            ("", ""),
            ("plain", "plain"),
            ("$(A)", "a b; $(B)"),
            ("x$(B)y$(A)", "xya b; $(B)"),
            ("$$", "$$"),
            ("$(echo $(B)$$)", "$(echo $$)"),
            ("$(C)", "$(C)"),
            ("$(A", "$(A"),
            ("$A $ $", "$A $ $"),
            ("not(mod(n,100))", "not(mod(n,100))"),
        ] {
            assert_eq!(expanded(OsStr::new(given), lookup), wanted, "{given}");
        }
    }
}
