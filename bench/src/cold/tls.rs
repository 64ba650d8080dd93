//! TLS in front of the embedded DynamoDB, which has none: so a function has to do what it does on AWS
//! before its first call.
//!
//! The proxy counts handshakes, which tells whether a function connects before it asks for its first
//! event. It can close all connections, which tells what that is worth. It gives no session tickets:
//! a client that connects again pays for a whole handshake, as one that has never connected does.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use activity_log_local::folder::Folder;
use bench::Failure;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::NoServerSessionStorage;

/// How long a client may take to close a connection that the proxy has closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where Linux distributions keep the certificates of all public CAs in one file.
const SYSTEM_BUNDLES: [&str; 2] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// A TLS server in front of a plain one. Stops when it is dropped, and removes its folder.
pub(crate) struct Proxy {
    endpoint: String,
    /// Holds the certificates that clients must trust.
    folder: Folder,
    handshakes: Arc<AtomicU64>,
    close: mpsc::Sender<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Proxy {
    /// Serves one at a free port of this machine, with a certificate of a new CA, and passes what comes
    /// on to `upstream`, an address with its port.
    ///
    /// # Errors
    /// If there is no port, or the certificates cannot be written.
    pub(crate) async fn start(upstream: &str) -> Result<Self, Failure> {
        let authority = Authority::new()?;
        let folder = Folder::new("cold")?;
        std::fs::write(own_bundle(folder.path()), &authority.certificate)?;
        std::fs::write(whole_bundle(folder.path()), system_bundle() + &authority.certificate)?;
        let acceptor = TlsAcceptor::from(Arc::new(authority.server()?));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let endpoint = format!("https://{}", listener.local_addr()?);
        let handshakes = Arc::new(AtomicU64::new(0));
        let (close, closing) = mpsc::channel(1);
        let connections = Connections {
            acceptor,
            upstream: upstream.to_owned(),
            handshakes: Arc::clone(&handshakes),
        };
        let server = tokio::spawn(connections.serve(listener, closing));
        Ok(Self { endpoint, folder, handshakes, close, server })
    }

    /// Where it is served.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The certificate of its CA alone, in PEM: for a client that has those of the public CAs.
    pub(crate) fn own_certificate(&self) -> PathBuf {
        own_bundle(self.folder.path())
    }

    /// The same behind the certificates of the public CAs that this system has: a client that reads
    /// them from a file reads as many as on AWS.
    pub(crate) fn all_certificates(&self) -> PathBuf {
        whole_bundle(self.folder.path())
    }

    /// How many TLS handshakes there were so far.
    pub(crate) fn handshakes(&self) -> u64 {
        self.handshakes.load(Ordering::SeqCst)
    }

    /// Closes all connections, and waits until the clients have closed them, too.
    ///
    /// # Errors
    /// If a client keeps one open.
    pub(crate) async fn close_connections(&self) -> Result<(), Failure> {
        let (done, closed) = oneshot::channel();
        self.close.send(done).await.map_err(|_| "the proxy has ended")?;
        let closed = tokio::time::timeout(PATIENCE, closed).await;
        Ok(closed.map_err(|_| "a client keeps a connection that the proxy has closed")??)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn own_bundle(folder: &Path) -> PathBuf {
    folder.join("ca.pem")
}

fn whole_bundle(folder: &Path) -> PathBuf {
    folder.join("bundle.pem")
}

/// The certificates of the public CAs, in PEM; nothing if this system keeps them elsewhere.
fn system_bundle() -> String {
    SYSTEM_BUNDLES.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
}

/// What is done with connections.
#[derive(Clone)]
struct Connections {
    acceptor: TlsAcceptor,
    upstream: String,
    handshakes: Arc<AtomicU64>,
}

impl Connections {
    /// Accepts connections, and closes those there are whenever it is told to.
    async fn serve(self, listener: TcpListener, mut closing: mpsc::Receiver<oneshot::Sender<()>>) {
        let close = watch::Sender::new(());
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    let (connections, closed) = (self.clone(), close.subscribe());
                    open.spawn(async move {
                        if let Err(error) = connections.forward(stream, closed).await {
                            eprintln!("the TLS proxy: {error}");
                        }
                    });
                },
                Some(done) = closing.recv() => {
                    close.send_replace(());
                    while open.join_next().await.is_some() {}
                    // Whoever has stopped to wait for it need not know.
                    let _ = done.send(());
                }
                // Those that are closed need not be kept.
                Some(_) = open.join_next() => {}
            }
        }
    }

    /// Carries one connection, until a side closes it or `closed` says that it is to be closed.
    async fn forward(
        &self,
        stream: TcpStream,
        mut closed: watch::Receiver<()>,
    ) -> Result<(), Failure> {
        stream.set_nodelay(true)?;
        let mut stream = match self.acceptor.accept(stream).await {
            // A process that is ended while it connects says nothing more.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            accepted => accepted?,
        };
        self.handshakes.fetch_add(1, Ordering::SeqCst);
        let mut upstream = TcpStream::connect(&self.upstream).await?;
        upstream.set_nodelay(true)?;
        tokio::select! {
            // A process that is ended leaves its connections as they are.
            _ = copy_bidirectional(&mut stream, &mut upstream) => {}
            _ = closed.changed() => {
                stream.shutdown().await?;
                drain(&mut stream).await;
            }
        }
        Ok(())
    }
}

/// Reads until the other side has closed the connection, in whatever way.
async fn drain(stream: &mut (impl AsyncRead + Unpin)) {
    let mut nothing = [0; 1_024];
    while stream.read(&mut nothing).await.is_ok_and(|count| count > 0) {}
}

/// A CA made for one run.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// Its certificate, in PEM.
    certificate: String,
}

impl Authority {
    fn new() -> Result<Self, Failure> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = named("CA of one run");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let certificate = issuer.pem();
        Ok(Self { issuer, certificate })
    }

    /// A server on this machine with a certificate of this CA, and without a way to resume a session.
    fn server(&self) -> Result<ServerConfig, Failure> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![Ipv4Addr::LOCALHOST.to_string()])?;
        // Of another name than the CA: OpenSSL would take the certificate for one signed by itself.
        params.distinguished_name = named("DynamoDB");
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::try_from(key.serialize_der())?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    use super::*;

    /// A server that sends back what it gets; its address.
    async fn echo() -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        address
    }

    async fn connect(proxy: &Proxy, trusted: &Path) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(trusted).unwrap();
        roots.add_parsable_certificates(certificates.map(Result::unwrap));
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let address = proxy.endpoint().strip_prefix("https://").unwrap();
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    async fn exchange(stream: &mut TlsStream<TcpStream>, text: &str) -> String {
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut response = vec![0; text.len()];
        stream.read_exact(&mut response).await.unwrap();
        String::from_utf8(response).unwrap()
    }

    #[tokio::test]
    async fn what_is_sent_through_it_arrives_and_handshakes_are_counted() {
        let proxy = Proxy::start(&echo().await).await.unwrap();
        assert_eq!(proxy.handshakes(), 0);
        for (count, trusted) in [(1, proxy.own_certificate()), (2, proxy.all_certificates())] {
            let mut stream = connect(&proxy, &trusted).await.unwrap();
            assert_eq!(exchange(&mut stream, "one").await, "one");
            assert_eq!(exchange(&mut stream, "two").await, "two");
            assert_eq!(proxy.handshakes(), count);
        }
        let folder = proxy.folder.path().to_owned();
        assert!(folder.is_dir());
        drop(proxy);
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn connections_are_closed_only_when_it_is_told_to() {
        let proxy = Proxy::start(&echo().await).await.unwrap();
        let mut stream = connect(&proxy, &proxy.own_certificate()).await.unwrap();
        assert_eq!(exchange(&mut stream, "one").await, "one");
        let client = tokio::spawn(async move {
            drain(&mut stream).await;
            stream.shutdown().await
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!client.is_finished());
        proxy.close_connections().await.unwrap();
        client.await.unwrap().unwrap();
        let mut stream = connect(&proxy, &proxy.own_certificate()).await.unwrap();
        assert_eq!(exchange(&mut stream, "two").await, "two");
        assert_eq!(proxy.handshakes(), 2);
    }

    #[tokio::test]
    async fn nobody_trusts_it_who_does_not_know_its_authority() {
        let proxy = Proxy::start(&echo().await).await.unwrap();
        let other = Proxy::start(&echo().await).await.unwrap();
        assert!(connect(&proxy, &other.own_certificate()).await.is_err());
        assert_eq!(proxy.handshakes(), 0);
    }
}
