//! What can be wrong with the protocol.

/// What is wrong with the protocol, to see that the checker finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// The resource takes any write.
    UncheckedResource,
    /// The claim does not ask whether the contender's key still stands.
    ClaimWithoutOwnKey,
    /// Who lines up and claims at once does not ask whether the fence is as it was seen.
    AtOnceWithoutFence,
    /// It claims at once by a watch that is behind the fence that it has seen.
    AtOnceByAnOldWatch,
    /// It takes that for its epoch once it is first, though others were there when it came.
    FirstByNow,
    /// The epoch is read before the claim, not given by it.
    RepeatedEpoch,
    /// A renewal counts from when its answer came.
    TrustedReceipt,
    /// Who releases goes on believing until the store has confirmed it.
    ReleaseWhileBelieving,
    /// A release does not ask whether the releasing contender's key still stands.
    HandOverWithoutOwnKey,
    /// It asks whether there is a key of that name, and not whether it was created then.
    HandOverOfAnyKey,
    /// It does not ask whether a later life has taken the key over with the session.
    HandOverOfAnyLife,
    /// A withdrawal asks neither.
    WithdrawOfAnyKey,
    /// A release does not ask whether the heir is still there.
    HandOverToNobody,
    /// Who is first after another takes the version at which that one went for its epoch.
    InheritBlindly,
    /// Who is first after another takes whatever epoch it finds.
    InheritAnyFence,
    /// Who has claimed, and has not heard what came of it, looks whether it has inherited.
    InheritAfterClaiming,
    /// A later life looks whether it has inherited, which the earlier may have.
    InheritInALaterLife,
}
