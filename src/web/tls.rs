//! TLS on `server.listen`, with a certificate that can be replaced while connections are open.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, RwLock};
use std::task::{Context, Poll, ready};

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

use super::connections::Listener;
use crate::lock;
use crate::tls::ServerCertificate;

/// What serves TLS. Clones share the certificate.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
}

/// The certificate that new connections are shown.
struct Shown(RwLock<Arc<CertifiedKey>>);

impl Tls {
    /// Serves with a certificate. TLS 1.2 and 1.3 are offered, and HTTP/1.1 inside.
    pub fn new(certificate: &ServerCertificate) -> Self {
        let shown = Arc::new(Shown(RwLock::new(Arc::clone(certificate.certified()))));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the suites of both versions")
            .with_no_client_auth();
        let resolver = Arc::clone(&shown);
        let mut config = config.with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            shown,
        }
    }

    /// Shows another certificate to new connections.
    pub fn replace(&self, certificate: &ServerCertificate) {
        *lock::write(&self.shown.0) = Arc::clone(certificate.certified());
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&lock::read(&self.0)))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

/// Takes connections that begin with a handshake.
pub(super) struct TlsListener<L> {
    pub(super) inner: L,
    pub(super) tls: Tls,
}

impl<L: Listener + Send + Sync> Listener for TlsListener<L> {
    type Io = TlsIo<L::Io>;

    async fn accept(&self) -> io::Result<(Self::Io, Option<IpAddr>)> {
        let (io, from) = self.inner.accept().await?;
        let accept = Box::new(self.tls.acceptor.accept(io));
        Ok((TlsIo::Beginning(accept), from))
    }
}

/// A connection whose handshake is part of the first read. So a client that is slow with it meets
/// the time limits for a head, and keeps nobody waiting.
pub(super) enum TlsIo<S> {
    /// The handshake is not done yet.
    Beginning(Box<Accept<S>>),
    /// The handshake is done.
    Open(Box<TlsStream<S>>),
    /// The handshake has failed.
    Failed,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsIo<S> {
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut TlsStream<S>>> {
        if let Self::Beginning(accept) = self {
            *self = match ready!(Pin::new(accept).poll(cx)) {
                Ok(stream) => Self::Open(Box::new(stream)),
                Err(error) => {
                    *self = Self::Failed;
                    return Poll::Ready(Err(error));
                }
            };
        }
        Poll::Ready(match self {
            Self::Open(stream) => Ok(stream.as_mut()),
            Self::Beginning(_) | Self::Failed => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsIo<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = ready!(self.get_mut().poll_open(cx))?;
        Pin::new(stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsIo<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = ready!(self.get_mut().poll_open(cx))?;
        Pin::new(stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Open(stream) => Pin::new(stream).poll_flush(cx),
            // Nothing was written before the handshake.
            Self::Beginning(_) | Self::Failed => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Open(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Beginning(_) | Self::Failed => Poll::Ready(Ok(())),
        }
    }
}
