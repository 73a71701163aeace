/// What a file said, look after look.
#[derive(Debug)]
pub(super) struct Looks {
    /// When it was taken or refused last.
    tried: Vec<u8>,
    /// At the last look, if that was something else.
    new: Option<Vec<u8>>,
}

impl Looks {
    /// After these bytes were tried.
    pub(super) const fn after(tried: Vec<u8>) -> Self {
        Self { tried, new: None }
    }

    /// What is to be tried now: something new that was there at the look before, so that nobody is
    /// in the middle of writing it.
    pub(super) fn see(&mut self, said: Vec<u8>) -> Option<Vec<u8>> {
        let was_there = self.new.take().is_some_and(|before| before == said);
        if said == self.tried {
            return None;
        }
        if was_there {
            return Some(said);
        }
        self.new = Some(said);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Looks;

    fn tried(said: &[&str]) -> Vec<Option<String>> {
        let mut looks = Looks::after(b"first".to_vec());
        let text = |bytes| String::from_utf8(bytes).expect("it is text");
        said.iter().map(|said| looks.see(said.as_bytes().to_vec()).map(text)).collect()
    }

    #[test]
    fn a_file_that_is_being_written_is_left_alone() {
        assert_eq!(tried(&["first", "", "sec", "second", "second"])[..4], [None, None, None, None]);
        assert_eq!(tried(&["", "sec", "second", "second"])[3], Some("second".to_owned()));
    }

    #[test]
    fn a_change_that_was_taken_back_is_none() {
        assert_eq!(tried(&["second", "first", "first", "second"]), [None, None, None, None]);
    }
}
