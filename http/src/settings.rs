//! What a limit that is set looks like.

/// A `with_…` method for each field.
macro_rules! settings {
    ($($(#[$doc:meta])* $with:ident $field:ident: $type:ty;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub const fn $with(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        }
    )*};
}
