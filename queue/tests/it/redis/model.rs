//! The model, beside a real server.

use super::is_here;
use crate::model::agrees;

#[path = "../../fixtures/redis.rs"]
mod fixture;

#[test]
fn redis_agrees_with_the_model_for_thirty_seeds() {
    if !is_here() {
        return;
    }
    let server = fixture::Shared::default();
    agrees(&server, 30);
    server.stop();
}
