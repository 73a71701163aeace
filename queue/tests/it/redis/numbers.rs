//! Numbers of sixteen digits, which Lua by itself writes as `4.5035996273705e+15`.

use std::time::Duration;

use entourage_queue::{Error, Published, Queue, Redrive, Step, TopicOptions};
use entourage_testkit::Redis;

use super::{batch, drained, is_here, member, opened, ready};

/// As many items as a topic may be given room for.
const LARGE: u64 = 1 << 52;

/// Whatever is kept as a number that was rounded to be written.
fn rounded(redis: &Redis) -> String {
    const LOOK: &str = "
        local found = {}
        local function look(text)
          if string.find(text, '%d%.?%d*e%+%d') then
            found[#found + 1] = text
          end
        end
        for _, name in ipairs(redis.call('KEYS', '*')) do
          look(name)
          local kind, all = redis.call('TYPE', name).ok, {}
          if kind == 'hash' then
            all = redis.call('HGETALL', name)
          elseif kind == 'list' then
            all = redis.call('LRANGE', name, 0, -1)
          elseif kind == 'zset' then
            all = redis.call('ZRANGE', name, 0, -1)
          elseif kind == 'set' then
            all = redis.call('SMEMBERS', name)
          end
          for _, text in ipairs(all) do
            look(text)
          end
        end
        return table.concat(found, ' ')";
    redis.cli(["EVAL", LOOK, "0"]).stdout.trim().to_owned()
}

#[tokio::test]
async fn numbers_of_sixteen_digits_are_kept_digit_for_digit() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = opened(&redis).await;
    let field = |key: &str, field: &str| redis.cli(["HGET", key, field]).stdout.trim().to_owned();
    let set = |key: &str, field: &str, value: u64| {
        redis.cli(["HSET", key, field, &value.to_string()]);
    };
    // Far beyond the server's time, so that whatever is minted comes behind it.
    set("{test}:queue", "counter", LARGE);
    let (topic, group) = ("jobs".into(), "workers".into());
    queue.configure(&topic, TopicOptions::new().with_capacity(u64::MAX)).await.unwrap();
    let (mut receiver, settler) = member(&queue).await;
    let number = field("{test}:queue:topics", "jobs");
    assert!(number.parse::<u64>().unwrap() > LARGE, "{number}");
    let kept = format!("{{test}}:queue:t{number}");
    set(&kept, "live", LARGE - 150);
    // Of a hundred items each, so that their sequences are as large.
    set(&kept, "envelopes", LARGE / 100);
    let mut items = batch(0, 100);
    for (nth, one) in items.iter_mut().enumerate() {
        let item = one.item.clone();
        one.item = match nth % 3 {
            0 => item,
            1 => item.with_key(format!("{}", nth % 7)),
            _ => item.with_bundle(format!("{}", nth % 5)),
        };
        one.delay = Duration::from_micros(u64::from(nth % 10 == 9));
    }
    queue.publish(items).await.unwrap();
    let published = queue.publish(batch(100, 50)).await.unwrap();
    assert!(published.iter().all(|one| *one == Published::Accepted), "{published:?}");
    assert_eq!(field(&kept, "live"), LARGE.to_string());
    let full = queue.publish(batch(150, 1)).await.unwrap_err();
    assert!(matches!(full, Error::Full { capacity: LARGE, .. }), "{full:?}");

    let held = ready(&mut *receiver).await;
    assert_eq!(held.len(), 100);
    assert!(held.iter().all(|delivery| delivery.fence().epoch() > LARGE));
    settler.renew(&held[0], Duration::from_secs(3600)).await.unwrap();
    let mut held = held.into_iter();
    let mut step = Step { accept: held.by_ref().take(30).collect(), ..Step::new() }.write("served", 0, "30");
    step = step.retry(held.next().unwrap(), Duration::ZERO).release(held.next().unwrap());
    for delivery in held.by_ref().take(40) {
        step = step.reject(delivery, "no");
    }
    step.publish = batch(150, 70);
    settler.step(step).await.unwrap();
    assert_eq!(rounded(&redis), "", "with items in every state");
    assert_eq!(field(&kept, "live"), LARGE.to_string());
    let letters = queue.dead(&topic, &group, 1000).await.unwrap();
    assert_eq!(letters.len(), 40);
    let full = queue.redrive(&topic, &group, Redrive::All).await.unwrap_err();
    assert!(matches!(full, Error::Full { capacity: LARGE, .. }), "{full:?}");
    drop(held);

    let versions = format!("{{test}}:queue:pv{}", field("{test}:queue:groups", "workers"));
    set(&versions, "served", LARGE - 1);
    let applied = settler.step(Step::new().named("last").write("served", LARGE - 1, "31")).await.unwrap();
    assert_eq!(applied.state, [LARGE]);
    let conflict =
        settler.step(Step::new().named("late").write("served", LARGE - 1, "32")).await.unwrap_err();
    let Error::StateConflict { expected, found, .. } = conflict.error else { panic!("{conflict:?}") };
    assert_eq!((expected, found), (LARGE - 1, LARGE));
    let repeated = settler.step(Step::new().named("last").write("served", LARGE - 1, "31")).await.unwrap();
    assert_eq!((repeated.state.as_slice(), repeated.repeated), (&[LARGE][..], true));

    // What is accepted makes room for the letters.
    let more = ready(&mut *receiver).await;
    assert!(more.len() >= 40, "{} are ready", more.len());
    let mut done = 30 + more.len();
    settler.step(Step { accept: more, ..Step::new() }).await.unwrap();
    assert_eq!(queue.redrive(&topic, &group, Redrive::All).await.unwrap(), 40);
    done += drained(&queue, &mut *receiver, &*settler).await.len();
    assert_eq!(done, 220, "each item once");
    assert_eq!(field(&kept, "live"), (LARGE - 150).to_string());
    assert_eq!(rounded(&redis), "", "with none");
}
