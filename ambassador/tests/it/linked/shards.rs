//! What the router asks of its shards, and what it makes of their answers.

use std::{
    cell::{Cell, RefCell},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
};

use entourage_ambassador::{
    Options, Partial,
    linked::{Command, Error, Reply, Router, Unroutable, Value},
    nutcracker::{Config, Distribution},
};
use tower_service::Service;

/// A shard that answers with its name, as far as its mood lets it.
#[derive(Clone)]
struct Shard {
    name: &'static str,
    mood: Rc<Cell<Mood>>,
    asked: Rc<RefCell<Vec<Command>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Answers,
    /// It is not ready.
    Waits,
    /// It is ready, and takes its time.
    Thinks,
    Fails,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cable was pulled")]
struct Pulled;

impl Service<Command> for Shard {
    type Response = Reply;
    type Error = Pulled;
    // One that cannot be moved once it is polled, as those of async blocks.
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Pulled>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Pulled>> {
        if self.mood.get() == Mood::Waits { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn call(&mut self, command: Command) -> Self::Future {
        self.asked.borrow_mut().push(command.clone());
        let (name, mood) = (self.name, Rc::clone(&self.mood));
        Box::pin(async move {
            std::future::poll_fn(
                |_| if mood.get() == Mood::Thinks { Poll::Pending } else { Poll::Ready(()) },
            )
            .await;
            let keys = command.args().count();
            match (mood.get(), &command.name().to_ascii_lowercase()[..]) {
                (Mood::Fails, _) => Err(Pulled),
                (_, b"mget") => {
                    Ok(Reply::array(command.args().map(|key| Reply::bulk([b"at ", key].concat()))))
                }
                (_, b"mset") => Ok(Reply::status("OK")),
                (_, b"del" | b"exists") => Ok(Reply::integer(keys as i64)),
                (_, b"dbsize") => Ok(Reply::integer(10)),
                _ => Ok(Reply::bulk(name)),
            }
        })
    }
}

/// Three shards that answer.
fn shards() -> [Shard; 3] {
    ["a", "b", "c"].map(|name| Shard { name, mood: Rc::new(Cell::new(Mood::Answers)), asked: Rc::default() })
}

fn router(shards: &[Shard; 3], partial: Partial) -> Router<Shard> {
    let mut options = Options::default();
    options.partial = partial;
    let builder = Router::builder().options(&options);
    shards
        .iter()
        .fold(builder, |builder, shard| builder.shard(shard.name, 1, shard.clone()))
        .build()
        .expect("they make a ring")
}

/// A key of each shard, in their order.
fn key_of_each(router: &Router<Shard>) -> [String; 3] {
    let keys = || (0..).map(|number| format!("key:{number}"));
    ["a", "b", "c"]
        .map(|name| keys().find(|key| router.shard_of(key.as_bytes()) == name).expect("there is no last"))
}

fn command(words: &[&str]) -> Command {
    words[1..].iter().fold(Command::new(words[0]), Command::arg)
}

/// The answer, if it is there when asked for once.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

fn answered(router: &mut Router<Shard>, words: &[&str]) -> Result<Reply, Error<Pulled>> {
    at_once(router.call(command(words))).expect("the shards answer at once")
}

fn names_asked(shards: &[Shard; 3]) -> Vec<String> {
    shards.iter().flat_map(|shard| shard.asked.take().into_iter().map(|asked| asked.to_string())).collect()
}

#[test]
fn a_shard_that_is_not_ready_holds_up_its_own_keys_and_no_others() {
    let shards = shards();
    let mut router = router(&shards, Partial::Error);
    let [a, b, _] = key_of_each(&router);
    shards[1].mood.set(Mood::Waits);
    let ready = at_once(std::future::poll_fn(|context| router.poll_ready(context)));
    assert!(matches!(ready, Some(Ok(()))), "a command that the shard has nothing to do with can be taken");
    let mut waiting = pin!(router.call(command(&["GET", &b])));
    assert!(at_once(waiting.as_mut()).is_none());
    assert_eq!(answered(&mut router, &["GET", &a]).unwrap(), Reply::bulk("a"));
    assert!(at_once(waiting.as_mut()).is_none() && shards[1].asked.borrow().is_empty());
    shards[1].mood.set(Mood::Answers);
    assert_eq!(at_once(waiting).unwrap().unwrap(), Reply::bulk("b"));
}

#[test]
fn a_command_whose_future_is_dropped_unpolled_is_sent_nowhere_and_later_ones_go_on() {
    let shards = shards();
    let mut router = router(&shards, Partial::Error);
    let [a, b, c] = key_of_each(&router);
    drop(router.call(command(&["SET", &a, "1"])));
    drop(router.call(command(&["DEL", &a, &b, &c])));
    assert_eq!(names_asked(&shards), [""; 0]);

    // Dropped in the midst of it, what was asked stays asked.
    shards.iter().for_each(|shard| shard.mood.set(Mood::Thinks));
    shards[2].mood.set(Mood::Waits);
    assert!(at_once(router.call(command(&["DEL", &a, &b, &c]))).is_none());
    assert_eq!(names_asked(&shards), ["del with 1 argument", "del with 1 argument"]);
    shards.iter().for_each(|shard| shard.mood.set(Mood::Answers));
    assert_eq!(answered(&mut router, &["DEL", &a, &b, &c]).unwrap(), Reply::integer(3));
}

#[test]
fn a_shard_that_fails_is_named_and_a_part_that_fails_is_never_taken_for_an_answer() {
    let shards = shards();
    let mut router = router(&shards, Partial::Error);
    let [a, b, c] = key_of_each(&router);
    shards[1].mood.set(Mood::Fails);
    let Err(Error::Shard(failed)) = answered(&mut router, &["GET", &b]) else { panic!("b fails") };
    assert_eq!((failed.shard(), failed.reason()), ("b", &Pulled));
    assert_eq!(answered(&mut router, &["GET", &c]).unwrap(), Reply::bulk("c"));

    shards[2].mood.set(Mood::Fails);
    for words in [vec!["MGET", &c, &a, &b], vec!["MSET", &c, "1", &a, "1", &b, "1"], vec!["DBSIZE"]] {
        let error = answered(&mut router, &words).expect_err("two of three fail");
        assert_eq!(error.to_string(), "1 of 3 shards have answered, and the reply takes them all");
        let Error::Parts { coverage, first, rest } = error else { panic!("it had parts") };
        assert_eq!((coverage.missing(), rest.len()), (2, 1));
        let first_asked = if words[0] == "DBSIZE" { "b" } else { "c" };
        assert_eq!((first.shard(), rest[0].reason()), (first_asked, &Pulled));
    }
    assert_eq!(names_asked(&shards).len(), 2 + 3 * 3);
}

#[test]
fn what_is_made_of_an_answer_in_part_is_as_the_options_say() {
    let shards = shards();
    let [a, b, _] = key_of_each(&router(&shards, Partial::Error));
    shards[1].mood.set(Mood::Fails);
    let mut per_key = router(&shards, Partial::PerKey);
    let elements: Vec<_> = answered(&mut per_key, &["MGET", &b, &a, &b]).unwrap().elements().collect();
    assert_eq!(elements.iter().map(Reply::is_error).collect::<Vec<_>>(), [true, false, true]);
    let Value::Error(text) = elements[0].value() else { panic!("it is an error") };
    assert!(text.starts_with(b"ERR shard b did not answer"), "{}", text.escape_ascii());

    let mut miss = router(&shards, Partial::Miss);
    let elements: Vec<_> = answered(&mut miss, &["MGET", &b, &a]).unwrap().elements().collect();
    assert_eq!(elements.iter().map(Reply::is_null).collect::<Vec<_>>(), [true, false]);
    assert_eq!(answered(&mut miss, &["EXISTS", &a, &b]).unwrap(), Reply::integer(1));
    assert!(answered(&mut miss, &["MSET", &a, "1", &b, "1"]).is_err(), "a write that failed is not missing");
    assert!(answered(&mut miss, &["GET", &b]).is_err(), "one shard has no part of an answer");
}

#[test]
fn clones_route_alike_and_are_clients_of_their_own() {
    let shards = shards();
    let mut first = router(&shards, Partial::Error);
    let mut second = first.clone();
    assert_eq!(answered(&mut first, &["CLIENT", "SETNAME", "first"]).unwrap(), Reply::status("OK"));
    assert_eq!(answered(&mut first, &["CLIENT", "GETNAME"]).unwrap(), Reply::bulk("first"));
    assert!(answered(&mut second, &["CLIENT", "GETNAME"]).unwrap().is_null());
    for key in key_of_each(&first) {
        let replies = [&mut first, &mut second].map(|router| answered(router, &["GET", &key]).unwrap());
        assert_eq!(replies[0], replies[1]);
    }
}

#[test]
fn a_command_beyond_the_limits_is_refused_before_a_shard_is_asked() {
    let shards = shards();
    let mut options = Options::default();
    options.limits.frame = 100;
    let builder = Router::builder().options(&options);
    let mut router = builder.shard("a", 1, shards[0].clone()).build().unwrap();
    let reply = answered(&mut router, &["SET", "key", &"x".repeat(100)]).unwrap();
    assert!(reply.is_error() && names_asked(&shards).is_empty());
    assert!(!answered(&mut router, &["SET", "key", "x"]).unwrap().is_error());
}

#[test]
fn shards_that_keys_cannot_be_placed_on_make_no_router() {
    use entourage_sharding::Error as Ring;

    for distribution in [Distribution::Ketama, Distribution::Modula, Distribution::Random] {
        let empty = || Router::builder().distribution(distribution);
        assert_eq!(empty().build().map(|_: Router<()>| ()), Err(Ring::NoShards.into()));
        let twice = empty().shard("a", 1, ()).shard("a", 1, ()).build();
        assert_eq!(twice.map(|_| ()), Err(Ring::DuplicateServer { name: "a".to_owned() }.into()));
        let weightless = empty().shard("a", 0, ()).build();
        assert_eq!(weightless.map(|_| ()), Err(Ring::ZeroWeight { name: "a".to_owned() }.into()));
        let two_lines = empty().shard("a\r\n", 1, ()).build();
        assert_eq!(two_lines.map(|_| ()), Err(Unroutable::Unprintable { name: "a\r\n".to_owned() }));
    }
    let config = Config::parse("pool:\n  listen: 127.0.0.1:1\n  servers:\n   - 127.0.0.1:2:1\n").unwrap();
    let memcached = Router::of(&config.pools[0], &Options::default(), |_| ());
    assert_eq!(memcached.map(|_| ()), Err(Unroutable::Memcached { pool: "pool".to_owned() }));
}

#[test]
fn keys_that_are_placed_by_chance_reach_every_shard_through_clones_too() {
    let shards = shards();
    let builder = Router::builder().distribution(Distribution::Random);
    let router = shards
        .iter()
        .fold(builder, |builder, shard| builder.shard(shard.name, 1, shard.clone()))
        .build()
        .unwrap();
    for _ in 0..100 {
        answered(&mut router.clone(), &["GET", "key"]).unwrap();
    }
    assert!(shards.iter().all(|shard| shard.asked.borrow().len() > 10));
}
