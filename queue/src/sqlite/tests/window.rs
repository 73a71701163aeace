//! The ids that a topic remembers, and those that it forgets.

use super::{Scratch, audit::audit, boot, ids, join, plain, put, receive, seconds};
use crate::{Published, Queue, TopicOptions, sqlite::fault::Fault};

#[tokio::test]
async fn ids_beyond_the_number_leave_the_file_again() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let queue = scratch.open(&clock);
    let options = TopicOptions::new().with_dedupe(seconds(3600), 100);
    queue.configure(&"work".into(), options).await.unwrap();
    for batch in 0..40 {
        put(&queue, (0..50).map(|n| plain(&format!("{batch}-{n}"))).collect()).await;
    }
    let kept = queue.file().read(|conn| {
        let kept: i64 = conn.query_row("SELECT count(*) FROM queue_seen", (), |row| row.get(0))?;
        Ok::<_, Fault>(kept)
    });
    let kept = kept.await.unwrap();
    assert!((100..400).contains(&kept), "{kept}");
    assert_eq!(
        queue.publish(vec![plain("39-49"), plain("0-0")]).await.unwrap(),
        [Published::Duplicate, Published::Accepted]
    );
    audit(&queue).await;
}

#[tokio::test]
async fn one_old_id_in_a_plain_batch_keeps_no_other_out() {
    use Published::{Accepted, Duplicate};
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let queue = scratch.open(&clock);
    // A second group, so that an item is open in two shares.
    let members = (join(&queue, "workers").await, join(&queue, "others").await);
    let batch = |ids: &[&str]| ids.iter().map(|id| plain(id)).collect::<Vec<_>>();
    put(&queue, batch(&["a", "b", "c", "d", "e"])).await;
    let published = queue.publish(batch(&["f", "g", "c", "h", "i", "f"])).await.unwrap();
    assert_eq!(published, [Accepted, Accepted, Duplicate, Accepted, Accepted, Duplicate]);
    let published = queue.publish(batch(&["i", "h", "g", "f", "j"])).await.unwrap();
    assert_eq!(published, [Duplicate, Duplicate, Duplicate, Duplicate, Accepted]);
    audit(&queue).await;
    let (mut receiver, _) = members.0;
    let all = receive(&mut *receiver, 20).await;
    assert_eq!(ids(&all), ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]);
}
