//! What answers on a port: TCP and UDP servers of every temper, on all addresses of a namespace, both families.
//!
//! A service lives until its value is dropped.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use crate::net::Namespace;

/// What a TCP service does with a connection.
#[derive(Clone)]
pub(crate) enum Tcp {
    /// Accepts, then closes at once
    Close,
    /// Accepts, then resets at once
    Reset,
    /// Accepts, reads and says nothing until the peer closes
    Silent,
    /// Sends these bytes, then reads until the peer closes
    Greet(Vec<u8>),
    /// Sends back what it reads
    Echo,
    /// Its accept queue is full and stays so
    Full,
    /// Its accept queue is full, and a place becomes free this often
    Busy(Duration),
    /// Does this on a thread of its own
    Handle(Arc<dyn Fn(TcpStream) + Send + Sync>),
}

/// What a UDP service does with a datagram.
#[derive(Clone)]
pub(crate) enum Udp {
    /// Sends it back
    Echo,
    /// Reads it and says nothing
    Silent,
    /// Answers with these bytes
    Answer(Vec<u8>),
}

/// A service that runs.
pub(crate) struct Service {
    served: Arc<AtomicUsize>,
    _stop: UnixStream,
    _queue: Vec<Socket>,
}

impl Service {
    /// A TCP service on every address of `host`.
    #[track_caller]
    pub(crate) fn tcp(host: &Namespace, port: u16, temper: Tcp) -> Self {
        let backlog = match temper {
            Tcp::Full | Tcp::Busy(_) => 0,
            _ => 128,
        };
        let full = matches!(temper, Tcp::Full | Tcp::Busy(_));
        let (listener, queue) = host
            .run(|| {
                let listener = bind(Type::STREAM, port)?;
                listener.listen(backlog)?;
                let queue = if full { fill(port)? } else { Vec::new() };
                io::Result::Ok((listener, queue))
            })
            .unwrap_or_else(|error| panic!("{}: TCP port {port}: {error}", host.name()));
        let served = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&served);
        let (stop, stopped) = UnixStream::pair().expect("a pair of sockets");
        host.spawn(move || match temper {
            Tcp::Full => drop(wait(&stopped, None)),
            Tcp::Busy(every) => {
                while !wait_for(&stopped, every) {
                    let _ = listener.accept();
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            }
            temper => {
                while wait(&stopped, Some(&listener)) {
                    let Ok((socket, _)) = listener.accept() else {
                        continue;
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                    serve(socket.into(), &temper);
                }
            }
        });
        Self {
            served,
            _stop: stop,
            _queue: queue,
        }
    }

    /// A UDP service on every address of `host`.
    #[track_caller]
    pub(crate) fn udp(host: &Namespace, port: u16, temper: Udp) -> Self {
        let socket: UdpSocket = host
            .run(|| bind(Type::DGRAM, port))
            .unwrap_or_else(|error| panic!("{}: UDP port {port}: {error}", host.name()))
            .into();
        let served = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&served);
        let (stop, stopped) = UnixStream::pair().expect("a pair of sockets");
        host.spawn(move || {
            let mut buffer = vec![0; 65536];
            while wait(&stopped, Some(&socket)) {
                let Ok((length, peer)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                counter.fetch_add(1, Ordering::Relaxed);
                // The peer may be gone: what it does not hear is no concern of the service.
                let _ = match &temper {
                    Udp::Echo => socket.send_to(&buffer[..length], peer),
                    Udp::Silent => Ok(0),
                    Udp::Answer(bytes) => socket.send_to(bytes, peer),
                };
            }
        });
        Self {
            served,
            _stop: stop,
            _queue: Vec::new(),
        }
    }

    /// How many connections were accepted, or datagrams read, once there are so many or a second has passed: a client is
    /// connected before its connection is accepted.
    pub(crate) fn served_soon(&self, expected: usize) -> usize {
        for _ in 0..100 {
            if self.served() >= expected {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.served()
    }

    /// How many connections were accepted, or datagrams read.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }
}

fn serve(mut stream: TcpStream, temper: &Tcp) {
    let temper = temper.clone();
    match temper {
        Tcp::Close => drop(stream),
        Tcp::Reset => {
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        temper => drop(thread::spawn(move || {
            let mut buffer = [0; 4096];
            if let Tcp::Greet(bytes) = &temper {
                let _ = stream.write_all(bytes);
            }
            if let Tcp::Handle(handle) = &temper {
                handle(stream);
                return;
            }
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                if matches!(temper, Tcp::Echo) && stream.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
        })),
    }
}

/// A socket on `[::]:port` that takes IPv4 too.
fn bind(kind: Type, port: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV6, kind, None)?;
    socket.set_only_v6(false)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(SocketAddr::from((
        Ipv6Addr::UNSPECIFIED,
        port,
    ))))?;
    Ok(socket)
}

/// Fills the accept queue of a listener with backlog 0, which holds one connection.
fn fill(port: u16) -> io::Result<Vec<Socket>> {
    let address = SockAddr::from(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
    (0..3)
        .map(|_| {
            let socket = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP))?;
            socket.set_nonblocking(true)?;
            match socket.connect(&address) {
                Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
                _ => Ok(socket),
            }
        })
        .collect()
}

/// Waits for something to read; false when the service is to end.
fn wait(stopped: &UnixStream, source: Option<&dyn AsFd>) -> bool {
    let mut sources = vec![PollFd::new(stopped.as_fd(), PollFlags::POLLIN)];
    sources.extend(source.map(|source| PollFd::new(source.as_fd(), PollFlags::POLLIN)));
    loop {
        match poll(&mut sources, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return false,
            Ok(_) => return !sources[0].any().unwrap_or(true),
        }
    }
}

/// Waits for a while; true when the service is to end.
fn wait_for(stopped: &UnixStream, time: Duration) -> bool {
    let milliseconds = u16::try_from(time.as_millis()).unwrap_or(u16::MAX);
    let mut source = [PollFd::new(stopped.as_fd(), PollFlags::POLLIN)];
    !matches!(poll(&mut source, PollTimeout::from(milliseconds)), Ok(0))
}
