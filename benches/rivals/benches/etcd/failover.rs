//! How long nobody owns after the owner was killed together with the leader of etcd's servers.

use std::time::Duration;

use entourage::core::{Moment, SystemClock, sleep, timeout};
use entourage_rivals::{judge, median};
use entourage_testkit::Etcd;
use etcd_client::{Client, EventType, WatchOptions, WatchStream};
use tokio::runtime::Runtime;

use crate::{
    Outcome,
    kills::{LOOK, PATIENCE, SLACK, now, pairs},
};

const TTL: Duration = Duration::from_secs(5);

/// As etcd comes, and as its tuning guide has it among servers that answer each other in
/// milliseconds.
///
/// A new leader lets every lease run for its full time and one election time-out more, and looks
/// twice a second for those that are over: half a second is what the bar leaves for the time-out.
const SERVERS: [(&str, &[&str]); 2] = [
    ("as they come", &[]),
    ("--election-timeout=300", &["--election-timeout=300", "--heartbeat-interval=30"]),
];

/// What came after one kill, and how long after.
struct Course {
    /// Another server leads.
    elected: Duration,
    /// The dead owner's lease is over.
    gone: Duration,
    /// The next owner owns.
    acquired: Duration,
    /// The shortest time to live that is granted.
    least: i64,
}

/// Kills owners together with the leader of three servers, which are new for each round.
pub(crate) fn failover(runtime: &Runtime, rounds: usize) -> Outcome {
    println!(
        "\nowner and etcd's leader killed, time to live {TTL:?}: seconds from then, and the shortest grant"
    );
    let columns = ["elected", "lease gone", "next owns", "grants"];
    println!("{:24}{}", "servers", columns.map(|column| format!("{column:>12}")).concat());
    let mut verdicts = Vec::new();
    for (servers, flags) in SERVERS {
        let mut courses = Vec::new();
        for _ in 0..rounds {
            let course = course(runtime, Etcd::cluster_with(3, flags))?;
            let Course { elected, gone, acquired, least } = &course;
            let times = [elected, gone, acquired].map(|after| format!("{:12.2}", after.as_secs_f64()));
            println!("{servers:24}{}{least:10} s", times.concat());
            courses.push(course);
        }
        verdicts.push((servers, courses));
    }
    println!();
    for (servers, courses) in verdicts {
        let beside = |course: &Course| course.acquired.saturating_sub(course.elected);
        let longest = courses.iter().map(beside).max().ok_or("no owner was killed")?;
        judge(
            &format!("{rounds} kills of both, servers {servers}"),
            format_args!("election + {:.2} s", longest.as_secs_f64()),
            format_args!("<= election + {:.0} s", (TTL + SLACK).as_secs_f64()),
            longest <= TTL + SLACK,
        );
        let ours = |course: &Course| course.acquired.as_secs_f64() - course.gone.as_secs_f64();
        println!(
            "    of which after etcd has let the lease go, median: {:.1} ms",
            median(courses.iter().map(ours)) * 1e3
        );
    }
    Ok(())
}

/// Kills an owner and the leader, and sees what comes after.
fn course(runtime: &Runtime, mut etcd: Etcd) -> Outcome<Course> {
    let (mut endpoints, name) = (etcd.endpoints(), "failover");
    let mut pair = pairs(runtime, &endpoints, vec![name.to_owned()], TTL)?.remove(0);
    let leader = etcd.leader();
    endpoints.remove(leader);
    let mut survivors = runtime.block_on(Survivors::connect(&endpoints, name))?;
    let killed = now();
    etcd.kill9(leader);
    pair.owner.kill9();
    runtime.block_on(async {
        let elected = survivors.elected().await?;
        let clock = SystemClock::new();
        let gone = timeout(&clock, PATIENCE, survivors.gone()).await??;
        let acquired = timeout(&clock, PATIENCE, pair.waiter).await???;
        let least = survivors.clients[0].lease_grant(1, None).await?.ttl();
        let after = |then: Moment| then.since(killed);
        Ok(Course { elected: after(elected), gone: after(gone), acquired: after(acquired), least })
    })
}

/// The servers that live on, each asked by itself, and what one of them tells of the contenders.
struct Survivors {
    clients: Vec<Client>,
    watch: WatchStream,
}

impl Survivors {
    async fn connect(endpoints: &[String], name: &str) -> Outcome<Self> {
        let mut clients = Vec::new();
        for endpoint in endpoints {
            clients.push(Client::connect([endpoint], None).await?);
        }
        let all = WatchOptions::new().with_prefix();
        let mut watch = clients[0].watch(format!("{name}/"), Some(all)).await?;
        // That it stands.
        watch.message().await?;
        Ok(Self { clients, watch })
    }

    /// When one of them says that it leads.
    async fn elected(&mut self) -> Outcome<Moment> {
        let give_up = now() + PATIENCE;
        while now() < give_up {
            for client in &mut self.clients {
                let status = client.status().await?;
                if status.header().is_some_and(|header| header.member_id() == status.leader()) {
                    return Ok(now());
                }
            }
            sleep(&SystemClock::new(), LOOK).await;
        }
        Err("no server leads".into())
    }

    /// When a contender's key is deleted: the dead one's, because the other one waits.
    async fn gone(&mut self) -> Outcome<Moment> {
        while let Some(news) = self.watch.message().await? {
            if news.events().iter().any(|event| event.event_type() == EventType::Delete) {
                return Ok(now());
            }
        }
        Err("the watch has ended".into())
    }
}
