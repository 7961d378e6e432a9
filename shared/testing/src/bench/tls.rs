//! A socket on loopback that speaks TLS, as the endpoints of AWS do.

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
    server::TlsStream,
};

use super::BenchFailed;

/// Accepts connections and completes their handshakes.
pub(super) struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl TlsListener {
    /// Listens on a free port with `certificate.pem` and `key.pem` of a folder.
    pub(super) async fn bind(folder: &Path) -> Result<TlsListener, BenchFailed> {
        let failed = || BenchFailed::io(format!("the certificate in {}", folder.display()));
        let certificate = CertificateDer::from_pem_file(folder.join("certificate.pem"));
        let certificate = certificate.map_err(io::Error::other).map_err(failed())?;
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem"));
        let key = key.map_err(io::Error::other).map_err(failed())?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config.with_no_client_auth().with_single_cert(vec![certificate], key)
            })
            .map_err(io::Error::other)
            .map_err(failed())?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.map_err(BenchFailed::io("the socket with TLS"))?;
        Ok(TlsListener { listener, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TlsStream<TcpStream>, SocketAddr) {
        loop {
            // A process that ends during its handshake does not end the listener.
            if let Ok((stream, address)) = self.listener.accept().await
                && stream.set_nodelay(true).is_ok()
                && let Ok(stream) = self.acceptor.accept(stream).await
            {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
