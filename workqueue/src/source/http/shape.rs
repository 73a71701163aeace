//! The two forms that the book gives the same interface.

/// Which of the book's two forms a source over HTTP has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// The interface as the text defines it: `/api/v1/items` and `/api/v1/items/NAME`.
    #[default]
    Api,
    /// The book's sample in JavaScript: port 8080, and the list at any path.
    ///
    /// Its client asks for `/items` and `/items/NAME`, and both are answered with the list. So of
    /// an item nothing is known but the name, and its data is `{"name":"…"}`.
    Sample,
}

impl Shape {
    /// The port on which the book's sample listens.
    pub const SAMPLE_PORT: u16 = 8080;

    /// What stands before `/items` where the address says nothing else.
    pub(super) const fn base(self) -> &'static str {
        match self {
            Self::Api => "/api/v1",
            Self::Sample => "",
        }
    }
}
