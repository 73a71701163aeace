//! The client's own connection, which ends here.

use super::rows::{family, local, refused};
use crate::redis::command::{
    Client, Command, Local,
    route::{BLOCKS, OPERATOR, SHARED},
};

pub(super) const COMMANDS: &[Command] = &[
    local("ping", -1, Local::Ping),
    local("echo", 2, Local::Echo),
    local("hello", -1, Local::Hello),
    local("auth", -2, Local::Auth),
    local("select", 2, Local::Select),
    local("quit", -1, Local::Quit),
    local("reset", 1, Local::Reset),
    family(
        "client",
        &[
            local("client|setname", 3, Local::Client(Client::Setname)),
            local("client|getname", 2, Local::Client(Client::Getname)),
            local("client|setinfo", 4, Local::Client(Client::Setinfo)),
            local("client|id", 2, Local::Client(Client::Id)),
            local("client|info", 2, Local::Client(Client::Info)),
            local("client|list", -2, Local::Client(Client::List)),
            local("client|no-evict", 3, Local::Client(Client::NoEvict)),
            local("client|no-touch", 3, Local::Client(Client::NoTouch)),
            local("client|reply", 3, Local::Client(Client::Reply)),
            local("client|tracking", -3, Local::Client(Client::Tracking)),
            local("client|getredir", 2, Local::Client(Client::Getredir)),
            local("client|help", 2, Local::Client(Client::Help)),
            refused("client|caching", 3, SHARED),
            refused("client|trackinginfo", 2, SHARED),
            refused("client|capa", -3, SHARED),
            refused("client|import-source", 3, SHARED),
            refused("client|kill", -3, OPERATOR),
            refused("client|unblock", -3, OPERATOR),
            refused("client|pause", -3, BLOCKS),
            refused("client|unpause", 2, BLOCKS),
        ],
    ),
];
