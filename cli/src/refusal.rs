//! What is said of arguments that make no sense, without the passwords among them.

use std::{
    env,
    io::{IsTerminal, stderr},
    process::ExitCode,
};

use clap::Parser;

/// What the arguments ask for, or the status with which the program ends, having said why.
///
/// The parser repeats an argument that it does not know, and people put URLs with passwords where
/// none belongs.
pub(crate) fn parse<T: Parser>() -> Result<T, ExitCode> {
    let error = match T::try_parse() {
        Ok(parsed) => return Ok(parsed),
        // Help and the version go to standard output, and have nothing of the user's.
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => error,
    };
    let rendered = error.render();
    let is_drawn = stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
    let text = if is_drawn { rendered.ansi().to_string() } else { rendered.to_string() };
    eprint!("{}", without_passwords(text));
    Err(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)))
}

/// The text without what stands for a password in any of the URLs among the arguments and variables.
pub(crate) fn without_passwords(text: String) -> String {
    let given = env::args_os().chain(env::vars_os().map(|(_, value)| value));
    without_those_of(text, given.map(|text| text.to_string_lossy().into_owned()))
}

fn without_those_of(text: String, given: impl Iterator<Item = String>) -> String {
    given.fold(text, |text, given| {
        let account = given.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
        let Some((account, _)) = account else { return text };
        // Who leaves the colon out may have meant a password.
        let password = account.split_once(':').map_or(account, |(_, password)| password);
        if password.is_empty() { text } else { text.replace(&format!("{password}@"), "***@") }
    })
}

#[cfg(test)]
mod tests {
    use super::without_those_of;

    #[test]
    fn of_a_url_that_was_given_the_password_is_left_out_wherever_it_is_repeated() {
        for (given, said) in [
            ("redis://me:hun/ter@2@a:1/b", "redis://me:***@a:1/b"),
            ("--ledger=redis://:hunter2@a", "--ledger=redis://:***@a"),
            ("redis://hunter2@a", "redis://***@a"),
            ("redis://me:@a", "redis://me:@a"),
            ("http://a/b@c:d", "http://***@c:d"),
            ("me@example.com", "me@example.com"),
        ] {
            let text = format!("error: unexpected argument '{given}' found; '{given}' is none\n");
            let masked = without_those_of(text.clone(), [given.to_owned(), "other".to_owned()].into_iter());
            assert_eq!(masked, text.replace(given, said));
        }
    }
}
