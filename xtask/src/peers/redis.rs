//! Redis: tasks in a hash, their order in a sorted set, and scripts that move both at once.

use anyhow::{bail, ensure};

use super::load::{Peer, TASK_BYTES, Wire};

const CREATE: &str = "redis.call('HSET', 'tasks', ARGV[1], ARGV[2]) \
    redis.call('ZADD', 'queue', redis.call('INCR', 'place'), ARGV[1]) return 1";
const CLAIM: &str = "local head = redis.call('ZPOPMIN', 'queue') if #head == 0 then return false end \
    redis.call('ZADD', 'leases', 1, head[1]) return {head[1], redis.call('HGET', 'tasks', head[1])}";
const DONE: &str =
    "redis.call('ZREM', 'leases', ARGV[1]) return redis.call('HDEL', 'tasks', ARGV[1])";

pub(super) struct Client {
    wire: Wire,
    number: usize,
    made: u64,
    task: String,
    scripts: Option<[String; 3]>,
}

impl Client {
    pub(super) fn connect(wire: Wire, number: usize) -> Self {
        Self { wire, number, made: 0, task: "x".repeat(TASK_BYTES), scripts: None }
    }

    async fn scripts(&mut self) -> anyhow::Result<[String; 3]> {
        if let Some(known) = &self.scripts {
            return Ok(known.clone());
        }
        let mut digests = [const { String::new() }; 3];
        for (digest, script) in digests.iter_mut().zip([CREATE, CLAIM, DONE]) {
            let loaded = self.ask(&["SCRIPT", "LOAD", script]).await?;
            *digest = loaded.into_iter().next().unwrap_or_default();
        }
        self.scripts = Some(digests.clone());
        Ok(digests)
    }

    /// Sends a command, and answers its texts.
    async fn ask(&mut self, words: &[&str]) -> anyhow::Result<Vec<String>> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.wire.send(command.as_bytes()).await?;
        let mut left = 1_usize;
        let mut texts = Vec::new();
        while left > 0 {
            left -= 1;
            let line = self.wire.line().await?;
            let (kind, rest) = line.split_at(line.len().min(1));
            match kind {
                "*" => left += rest.parse::<usize>().unwrap_or(0),
                "$" if rest.starts_with('-') => {}
                "$" => texts.push(self.wire.line().await?),
                ":" | "+" => texts.push(rest.to_owned()),
                "-" => bail!("redis answered {rest}"),
                _ => bail!("redis answered {line}"),
            }
        }
        Ok(texts)
    }
}

impl Peer for Client {
    async fn create(&mut self) -> anyhow::Result<()> {
        let [create, ..] = self.scripts().await?;
        self.made += 1;
        let id = format!("{}-{}", self.number, self.made);
        let task = self.task.clone();
        self.ask(&["EVALSHA", &create, "0", &id, &task]).await?;
        Ok(())
    }

    async fn take(&mut self) -> anyhow::Result<()> {
        let [_, claim, done] = self.scripts().await?;
        let claimed = self.ask(&["EVALSHA", &claim, "0"]).await?;
        let Some(id) = claimed.first() else { bail!("redis has nothing to do") };
        let removed = self.ask(&["EVALSHA", &done, "0", id]).await?;
        ensure!(removed == ["1"], "a task was not there");
        Ok(())
    }
}
