//! Two thumbnailers beside each other.

use entourage_testkit::{Rng, Scratch};

use crate::{
    DEADLINE,
    media::{published, thumbnailer, videos},
    starts::Starts,
};

pub(crate) fn two_programs_share_the_videos(mut rng: Rng) {
    let scratch = Scratch::new();
    let (media, output) = (scratch.join("media"), scratch.join("output"));
    let expected = videos(&media, 6, &mut rng);
    let starts = Starts::new(&scratch.join("starts"));
    // None gets through before each program has had the time to begin one, and both hold two.
    starts.allow(0);
    let program = starts.watch(thumbnailer(&media, &output));
    let mut programs = [program.start(), program.start()];
    entourage_testkit::eventually(DEADLINE, "both have begun two", || {
        (starts.log().len() == 4).then_some(())
    });
    starts.allow(usize::MAX >> 1);
    for program in &mut programs {
        drop(program.wait(DEADLINE).succeeded());
    }
    assert_eq!(published(&output, &expected), expected);
    assert!(starts.counts().values().all(|count| *count == 1), "{:?}", starts.counts());
}
