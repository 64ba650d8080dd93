//! A plain HTTP client for servers on this machine.

use std::net::{Ipv4Addr, SocketAddr};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Sends `GET path` to `port` of this machine, with the given headers, and reads the whole response.
///
/// # Errors
/// If nothing responds there, or not in HTTP.
pub async fn get(
    port: u16,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Response<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::get(path).header("host", address.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Empty::<Bytes>::new())?;
    let exchange = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    };
    // The connection's own failure shows as that of the exchange.
    tokio::select! {
        response = exchange => response,
        outcome = connection => Err(match outcome {
            Ok(()) => "the connection was closed before the response".into(),
            Err(error) => error.into(),
        }),
    }
}
