use tokio::task::JoinError;

/// A fault of one connection's code is a fault of all: the thread ends, and says so.
pub(super) fn pass_on(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}
