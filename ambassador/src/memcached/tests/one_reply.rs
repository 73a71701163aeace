//! What is forwarded is one request, for every server: nobody's value becomes a request of its own.

use super::rig::{Rig, text};

#[test]
fn a_line_that_servers_may_refuse_is_never_followed_by_its_value() {
    for line in [
        "set k 0 0 99999999999",
        "set k 0 0 2147483646",
        "set k 0 0 -1",
        "set k 0 0 +13",
        "set k 0 0 13x",
        "set k 4294967296 0 13",
        "set k -1 0 13",
        "set k 0 2147483648 13",
        "set k 0 0 13 noreply more",
        "set k\0 0 0 13",
        "set k\tk 0 0 13",
        "cas k 0 0 13",
        "cas k 0 0 13 -1",
        "ms k 13 1 2 3 4 5 6 7 8 9 a b c d e f g h",
        "ms k S13",
        "ms k -5",
        "ms k +13",
    ] {
        let mut rig = Rig::new(1);
        rig.send(format!("{line}\r\ndelete secret\r\n").as_bytes());
        let asked = text(&rig.asked(0));
        // As memcached has it, the value of a line that is refused is read as a request: of this client.
        assert!(asked.is_empty() || asked == "delete secret\r\n", "{line:?}: {asked:?}");
    }
    let long = "k".repeat(251);
    for line in
        ["set K 0 0 5", "ms K 5", "get a K", "gat 0 K", "mg K v", "md K", "incr K 1", "touch K 0", "delete K"]
    {
        let line = line.replace('K', &long);
        let mut rig = Rig::new(1);
        rig.send(format!("{line}\r\nmn\r\n").as_bytes());
        assert_eq!(text(&rig.told()), "CLIENT_ERROR bad command line format\r\nMN\r\n");
        assert_eq!(text(&rig.asked(0)), "");
    }
}

#[test]
fn a_value_goes_with_a_line_that_some_servers_take_and_others_do_not() {
    for (line, told) in [
        ("set k\tk 0 0 13", "CLIENT_ERROR bad command line format\r\n"),
        ("add k\x7f 0 0 13", "CLIENT_ERROR bad command line format\r\n"),
        ("cas k\r 0 0 13 1", "CLIENT_ERROR bad command line format\r\n"),
        ("ms k\tk 13 q", "CLIENT_ERROR bad command line format\r\n"),
        ("set k\tk 0 0 13 noreply", ""),
    ] {
        let mut rig = Rig::new(1);
        rig.send(format!("{line}\r\ndelete secret\r\nmn\r\n").as_bytes());
        assert_eq!(text(&rig.asked(0)), "", "{line:?}");
        assert_eq!(text(&rig.told()), format!("{told}MN\r\n"), "{line:?}");
    }
}

#[test]
fn a_line_is_forwarded_as_every_server_reads_it() {
    for (asked, forwarded) in [
        ("  set  k 0 0 2 \r\nab\r\n", "set k 0 0 2\r\nab\r\n"),
        ("set k 0 0 2\nab\r\n", "set k 0 0 2\r\nab\r\n"),
        (" ms k 2  T0\nab\r\n", "ms k 2 T0\r\nab\r\n"),
        (" mg  k\n", "mg k\r\n"),
        ("version noreply\r\n", "version\r\n"),
        ("get  a b\r\n", "get a b\r\n"),
        ("get a  b\r\n", "get a b\r\n"),
        ("get a b \r\n", "get a b\r\n"),
        (" gat 1 a b\r\n", "gat 1 a b\r\n"),
        ("gat  1 a b\r\n", "gat 1 a b\r\n"),
        ("gat 1  a b\r\n", "gat 1 a b\r\n"),
        ("set k 0 0 2 other\r\nab\r\n", "set k 0 0 2 other\r\nab\r\n"),
    ] {
        assert_eq!(text(&Rig::new(1).send(asked.as_bytes()).asked(0)), forwarded);
    }
}

#[test]
fn a_value_without_its_end_is_thrown_away_with_its_request() {
    let mut rig = Rig::new(1);
    rig.send(b"set k 0 0 2\r\nabcdmn\r\nset k 0 0 2 noreply\r\nabcdms k 2 q\r\nabcdmn\r\n");
    assert_eq!(text(&rig.asked(0)), "");
    let bad = "CLIENT_ERROR bad data chunk\r\n";
    assert_eq!(text(&rig.told()), format!("{bad}MN\r\n{bad}MN\r\n"));
}

#[test]
fn flags_that_would_be_misread_are_refused_with_their_value() {
    for (line, told) in [
        ("mg k q v q", "CLIENT_ERROR duplicate flag"),
        ("md k q q", "CLIENT_ERROR invalid or duplicate flag"),
        ("ms k 0 q qq\r\n", "CLIENT_ERROR duplicate flag"),
        ("ms k 2 Fx\r\nmn", "CLIENT_ERROR bad command line format"),
    ] {
        let mut rig = Rig::new(1);
        rig.send(format!("{line}\r\n").as_bytes());
        assert_eq!((text(&rig.asked(0)), text(&rig.told())), (String::new(), format!("{told}\r\n")));
    }
}

#[test]
fn what_concerns_one_server_is_refused_with_the_reason() {
    let mut rig = Rig::new(3);
    rig.send(
        b"stats\r\nslabs automove 0\r\nshutdown\r\nflush_all\r\nflush_all noreply\r\nverbosity 2\r\nmn\r\n",
    );
    let told = text(&rig.told());
    assert_eq!(told.matches("ask the server itself\r\n").count(), 3, "{told}");
    assert!(
        told.contains("SERVER_ERROR flush_all is not allowed") && told.ends_with("OK\r\nMN\r\n"),
        "{told}"
    );
    assert!((0..3).all(|server| rig.asked(server).is_empty()));
}

#[test]
fn a_client_that_quits_is_answered_before_it_is_ended() {
    let mut rig = Rig::new(1);
    rig.send(b"get k\r\nquit\r\nget l\r\n");
    assert_eq!(text(&rig.asked(0)), "get k\r\n");
    rig.reply(0, b"END\r\n").expect("it is a reply");
    assert!(rig.is_ending());
    assert_eq!(text(&rig.told()), "END\r\n");
}
