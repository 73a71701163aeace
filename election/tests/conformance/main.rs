//! E1 to E7 on memory, SQLite and etcd, by one list of cases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backends;
mod belief;
mod checks;
mod epochs;
#[cfg(feature = "etcd")]
mod etcd;
mod leaders;
mod queue;
mod subject;
#[path = "../it/wire.rs"]
mod wire;
mod work;

use std::process::ExitCode;

use entourage_engine::conformance::{Case, cases, main as run, trials};

use self::{
    backends::{Memory, Sqlite},
    subject::Subject,
};

fn list() -> Vec<Case<Subject>> {
    cases![
        epochs::e1_epochs_increase_over_releases,
        epochs::e1_epochs_increase_over_a_crash_of_the_owner,
        epochs::e1_epochs_increase_over_an_expiry_that_the_owner_outlives,
        epochs::e1_an_earlier_life_is_shut_out_by_the_one_that_resumed_it,
        epochs::e1_nobody_inherits_what_an_earlier_life_has_inherited,
        epochs::e1_who_waited_takes_an_epoch_above_all_that_were_granted_meanwhile,
        epochs::e1_who_was_granted_and_is_gone_before_the_watch_shows_it_is_counted,
        epochs::e1_an_answer_that_was_lost_is_never_taken_for_success_nor_for_failure,
        epochs::who_owns_is_stored_with_the_lock_and_beside_its_fence,
        checks::e2_the_story_of_two_replicas_ends_with_the_late_request_refused,
        checks::e2_who_released_writes_nothing_more,
        checks::e2_a_resumed_ownership_shuts_the_earlier_life_out_of_every_resource,
        checks::e2_a_stranger_who_writes_no_fence_disturbs_no_epoch_and_shuts_the_former_owner_out,
        checks::e2_three_processes_never_own_together_and_lose_no_write,
        belief::e3_belief_ends_a_quarter_of_the_time_to_live_before_another_is_granted,
        belief::e3_each_confirmed_renewal_moves_the_end_of_belief,
        work::e4_work_that_ends_is_released_after_its_end,
        work::e4_work_that_is_lost_is_cancelled_and_finished_before_release_is_sent,
        work::e4_work_that_does_not_end_in_time_is_dropped_and_its_lease_left_to_expire,
        work::e4_dropping_the_run_drops_the_work_and_releases_nothing,
        queue::e5_who_was_deleted_while_it_claimed_does_not_lead,
        queue::e5_who_was_deleted_while_it_waited_lines_up_again_as_the_last,
        queue::e5_who_lost_its_session_while_it_waited_does_not_lead_under_it,
        belief::e5_what_an_operator_takes_away_is_held_no_longer,
        belief::e6_loss_of_the_store_ends_ownership_by_the_clock_and_it_is_acquired_again,
        belief::e6_a_waiter_outlives_the_loss_of_its_session,
        belief::e6_what_was_lost_says_so_when_it_is_released,
        leaders::e6_losing_ends_the_leadership_and_campaigns_again_in_the_same_process,
        queue::e7_one_release_lets_at_most_one_waiter_send_anything,
        queue::e7_a_release_is_the_grant_of_who_is_next,
        queue::a_release_whose_heir_has_gone_is_a_release_all_the_same,
        queue::e7_a_waiter_sends_nothing_while_others_come_and_go,
        queue::what_nobody_contends_for_is_acquired_by_one_transaction_and_released_by_one,
        queue::trying_answers_at_once_and_leaves_nothing_behind,
        queue::clones_take_turns_in_the_order_in_which_they_asked,
        queue::a_waiter_that_gives_up_is_waited_for_by_nobody,
        leaders::observers_see_every_leader_and_every_value_in_order,
        leaders::an_observer_goes_on_where_it_was_after_the_store_was_lost,
        leaders::who_leads_no_longer_proclaims_nothing,
        leaders::a_proclamation_whose_answer_was_lost_is_made_once,
        leaders::a_later_life_takes_its_place_back_under_a_new_epoch,
        leaders::a_follower_may_ask_the_leader_to_resign,
        leaders::a_single_replica_leads_at_once_and_a_second_one_shuts_it_out,
    ]
}

fn main() -> ExitCode {
    let mut all = vec![trials(Sqlite, list()), trials(Memory, list())];
    #[cfg(feature = "etcd")]
    let server = etcd::Shared::default();
    // First, because its cases wait while the others run.
    #[cfg(feature = "etcd")]
    all.splice(0..0, [trials(etcd::Alone, etcd::cases()), trials(server.clone(), list())]);
    let code = run(all.drain(..));
    #[cfg(feature = "etcd")]
    server.stop();
    code
}
