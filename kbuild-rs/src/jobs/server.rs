//! The source of tokens. They also go back to it.

use std::path::Path;

use super::advertised::Outer;
use super::channel::Channel;
use super::make_jobs::MakeJobs;
use super::own::OwnToken;
use super::pool::Pool;
use crate::{Error, Result};

/// The source of tokens.
#[derive(Debug)]
pub(crate) enum Server {
    /// The outer build's jobserver. This process's own token is for the first make.
    Outer(OuterServer),
    /// The outer build's jobserver. This process shares its own token with others.
    Shared(OuterServer, OwnToken),
    /// The pool. Each make needs a token from it, the first one too.
    Pool(Pool),
    /// No source: makes run one after another, each with this number of jobs.
    Nobody(usize),
}

/// The outer build's jobserver.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OuterServer {
    server: &'static Outer,
    /// Whether the jobserver failed. It is then not asked again, but held tokens still go back to
    /// it.
    failed: bool,
}

impl OuterServer {
    pub(crate) fn of(server: &'static Outer) -> OuterServer {
        OuterServer {
            server,
            failed: false,
        }
    }

    fn channel(&self) -> Option<&'static Channel> {
        match self.server {
            Outer::Pipe(_, _, channel) => channel.as_ref(),
            Outer::Fifo(_, channel) => Some(channel),
            _ => None,
        }
    }
}

/// The tokens of one make.
#[derive(Debug)]
pub(crate) enum Token {
    /// A drawn token, which goes back as it came.
    Drawn(u8),
    /// The token of [`Server::Shared`] that cannot be drawn.
    OwnToken,
}

impl Server {
    /// The possible sources of tokens.
    pub(crate) fn source(&self) -> Option<&Channel> {
        self.channel().filter(|_| !self.has_failed())
    }

    fn channel(&self) -> Option<&Channel> {
        match self {
            Server::Pool(pool) => Some(pool.channel()),
            Server::Outer(outside) | Server::Shared(outside, _) => outside.channel(),
            Server::Nobody(_) => None,
        }
    }

    fn has_failed(&self) -> bool {
        match self {
            Server::Outer(outside) | Server::Shared(outside, _) => outside.failed,
            _ => false,
        }
    }

    pub(crate) fn draw(&mut self) -> Result<Option<Token>> {
        if let Server::Pool(pool) = self {
            return Ok(pool.draw()?.map(Token::Drawn));
        }
        if let Server::Shared(_, own) = self {
            if own.take()? {
                return Ok(Some(Token::OwnToken));
            }
        }
        let failed = |e| Error::reading("read", Path::new("the outer build's jobserver"), e);
        let drawn = self.source().map(|channel| channel.take().map_err(failed));
        Ok(drawn.unwrap_or(Ok(None))?.map(Token::Drawn))
    }

    /// Stops drawing from the outer build's jobserver after an error. Returns whether the build can
    /// go on without it.
    pub(crate) fn give_up(&mut self) -> bool {
        match self {
            Server::Outer(outside) | Server::Shared(outside, _) => {
                !std::mem::replace(&mut outside.failed, true)
            }
            _ => false,
        }
    }

    pub(crate) fn give(&mut self, token: Token) {
        match (token, self) {
            (Token::OwnToken, Server::Shared(_, own)) => own.give(),
            (Token::Drawn(byte), server) => {
                if let Some(channel) = server.channel() {
                    channel.give(&[byte]);
                }
            }
            (Token::OwnToken, _) => {}
        }
    }

    pub(crate) fn leave(&mut self) {
        if let Server::Pool(pool) = self {
            pool.leave();
        }
    }

    pub(crate) fn lose(&mut self) {
        match self {
            Server::Pool(pool) => pool.lose(),
            Server::Shared(_, own) => own.lose(),
            _ => {}
        }
    }

    pub(crate) fn hand(&self, make: &Path) -> Result<MakeJobs> {
        match self {
            Server::Outer(outside) | Server::Shared(outside, _) => match outside.server {
                _ if outside.failed => Ok(MakeJobs::jobs(1)),
                Outer::Pipe(read, write, _) => Ok(MakeJobs::pipe(*read, *write, make)),
                Outer::Fifo(path, _) => {
                    MakeJobs::fifo(path, make).map_err(|e| Error::writing("open", path, e))
                }
                _ => Ok(MakeJobs::jobs(1)),
            },
            Server::Nobody(jobs) => Ok(MakeJobs::jobs(*jobs)),
            Server::Pool(pool) => pool.hand(make),
        }
    }
}
