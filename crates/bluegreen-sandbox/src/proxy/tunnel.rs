//! Bytes both ways after an upgrade.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::io::Gauge;

/// Joins a client and a target until both have finished, one fails, or neither has said anything for `idle`.
pub(crate) async fn join<C>(client: C, mut target: TcpStream, said: Bytes, idle: Duration)
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let gauge = Gauge::new();
    let mut client = Noted { stream: client, gauge: gauge.clone() };
    let talk = async {
        client.write_all(&said).await?;
        copy_bidirectional(&mut client, &mut target).await
    };
    let silence = async {
        loop {
            let until = gauge.moved() + idle;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    };
    tokio::select! {
        // A tunnel that breaks has nobody left to be told: both ends see their connection close.
        _ = talk => {}
        () = silence => {}
    }
}

/// A stream that notes when it moves. All that passes a tunnel passes its client's side.
struct Noted<S> {
    stream: S,
    gauge: Arc<Gauge>,
}

impl<S> Noted<S> {
    fn noted<T>(&self, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if matches!(done, Poll::Ready(Ok(_))) {
            self.gauge.touch(Instant::now());
        }
        done
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.noted(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.noted(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
