//! A few lines of RESP2: enough to greet a Redis server and to arrange a cluster.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// A stopped server accepts connections and never answers: a test must not wait for it for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// A reply of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisValue {
    /// A status such as `OK`.
    Status(String),
    /// An error reply, with its code as the first word.
    Error(String),
    /// An integer.
    Integer(i64),
    /// A string; bytes that are not UTF-8 are replaced.
    Text(String),
    /// No such value.
    Nil,
    /// Several replies.
    Array(Vec<RedisValue>),
}

impl RedisValue {
    /// The text of a status, string or error.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Status(text) | Self::Text(text) | Self::Error(text) => Some(text),
            Self::Integer(_) | Self::Nil | Self::Array(_) => None,
        }
    }

    /// The elements of an array, of which other values have none.
    pub fn elements(&self) -> &[RedisValue] {
        if let Self::Array(elements) = self { elements } else { &[] }
    }
}

/// One blocking connection.
#[derive(Debug)]
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects to `port` on loopback and gives the password, when there is one.
    pub(crate) fn open(port: u16, password: Option<&str>) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut connection = Self(BufReader::new(stream));
        if let Some(password) = password {
            connection.call(&["AUTH", password])?;
        }
        Ok(connection)
    }

    /// Sends one command and reads its reply; an error reply is a value like others.
    pub(crate) fn call(&mut self, command: &[&str]) -> io::Result<RedisValue> {
        let mut request = format!("*{}\r\n", command.len()).into_bytes();
        for part in command {
            write!(request, "${}\r\n{part}\r\n", part.len())?;
        }
        self.0.get_mut().write_all(&request)?;
        self.read()
    }

    fn read(&mut self) -> io::Result<RedisValue> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let (kind, rest) = line.trim_end().split_at_checked(1).ok_or(io::ErrorKind::UnexpectedEof)?;
        let number = || rest.parse::<i64>().map_err(|_| malformed());
        match kind {
            "+" => Ok(RedisValue::Status(rest.to_owned())),
            "-" => Ok(RedisValue::Error(rest.to_owned())),
            ":" => Ok(RedisValue::Integer(number()?)),
            "$" => match usize::try_from(number()?) {
                Ok(length) => self.read_text(length),
                Err(_) => Ok(RedisValue::Nil),
            },
            "*" => (0..number()?).map(|_| self.read()).collect::<io::Result<_>>().map(RedisValue::Array),
            _ => Err(malformed()),
        }
    }

    fn read_text(&mut self, length: usize) -> io::Result<RedisValue> {
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok(RedisValue::Text(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a RESP2 reply")
}
