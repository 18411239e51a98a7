//! Against real sockets on loopback: each test scripts what the other side does, byte by byte.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;

use super::*;
use crate::domain::exchange::RequestBody;

/// A server whose connections are each served by `script` on a thread of their own.
struct Upstream {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Upstream {
    fn new(script: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counter, script) = (Arc::clone(&connections), Arc::new(script));
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                counter.fetch_add(1, Ordering::SeqCst);
                let script = Arc::clone(&script);
                std::thread::spawn(move || script(stream));
            }
        });
        Self { address, connections }
    }

    /// Answers each request on a connection with these bytes.
    fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::new(move |mut stream| {
            while read_head(&mut stream).is_some() {
                if stream.write_all(&answer).is_err() {
                    return;
                }
            }
        })
    }

    /// Answers once and closes.
    fn once(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::new(move |mut stream| {
            let _head = read_head(&mut stream);
            let _sent = stream.write_all(&answer);
        })
    }

    fn url(&self) -> String {
        format!("http://{}/canary-place?key=canary-secret", self.address)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads up to the empty line; `None` once the other side has closed.
fn read_head(stream: &mut TcpStream) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    String::from_utf8(head).ok()
}

fn client() -> Client {
    Client::new(&Options { allow: vec!["127.0.0.0/8".parse().unwrap()], ..Options::default() }).unwrap()
}

fn get(url: &str) -> Request {
    Request { method: Method::Get, url: url.parse().unwrap(), headers: Vec::new(), body: None }
}

const LIMITS: Limits = Limits { timeout: Duration::from_secs(10), max_bytes: None };

async fn send(upstream: &Upstream) -> Result<Response, Error> {
    send_within(upstream, LIMITS).await
}

/// Sends, and checks that an error tells nothing of the address.
async fn send_within(upstream: &Upstream, limits: Limits) -> Result<Response, Error> {
    let outcome = client().send(&get(&upstream.url()), limits).await;
    if let Err(error) = &outcome {
        let texts = format!("{error} {error:?} {:?}", error.clone().into_execution_error());
        assert!(!texts.contains("canary"), "{texts}");
    }
    outcome
}

fn is_transport(outcome: &Result<Response, Error>) -> bool {
    matches!(outcome, Err(error @ Error::Transport { .. }) if error.is_retryable())
}

/// A gzip file of zeros (RFC 1952), written by hand so that no compressor is needed.
fn gzip_of_zeros(length: u32, checksum: u32) -> Vec<u8> {
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3];
    let body = deflate_of_zeros(length as usize);
    [&header[..], &body, &checksum.to_le_bytes(), &length.to_le_bytes()].concat()
}

/// A deflate stream (RFC 1951) with fixed codes: one literal zero, then matches of length 258 at distance 1.
fn deflate_of_zeros(length: usize) -> Vec<u8> {
    let (mut bits, mut out, mut filled) = (0_u64, Vec::new(), 0);
    let mut put = |value: u64, count: u32| {
        bits |= value << filled;
        filled += count;
        while filled >= 8 {
            out.push((bits & 0xff) as u8);
            bits >>= 8;
            filled -= 8;
        }
    };
    let reversed = |code: u64, count: u32| code.reverse_bits() >> (64 - count);
    put(0b011, 3);
    let matches = (length - 1) / 258;
    for _ in 0..(length - matches * 258) {
        put(reversed(0x30, 8), 8);
    }
    for _ in 0..matches {
        put(reversed(0xc5, 8), 8);
        put(0, 5);
    }
    put(0, 7);
    put(0, 7);
    out
}

fn crc_of_zeros(length: usize) -> u32 {
    let byte = |crc: u32| (0..8).fold(crc, |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 });
    !(0..length).fold(u32::MAX, |crc, _| byte(crc & 0xff) ^ (crc >> 8))
}

#[tokio::test]
async fn sends_what_was_rendered_and_reads_the_answer() {
    let (heads, received) = std::sync::mpsc::channel();
    let upstream = Upstream::new(move |mut stream| {
        let head = read_head(&mut stream).unwrap();
        let mut body = [0; 7];
        stream.read_exact(&mut body).unwrap();
        heads.send((head, body)).unwrap();
        stream.write_all(b"HTTP/1.1 201 Created\r\nX-Two: a\r\nx-two: b\r\ncontent-length: 2\r\n\r\nok").unwrap();
    });
    let mut request = get(&upstream.url());
    request.method = Method::Post;
    request.headers = vec![("X-One".to_owned(), "é 1".to_owned())];
    request.body = Some(RequestBody { content_type: "application/json".to_owned(), bytes: b"{\"a\":1}".to_vec() });
    let answer = client().send(&request, LIMITS).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice(), answer.header("x-two")), (201, &b"ok"[..], Some("a")));
    assert!(answer.first_byte_ms <= answer.duration_ms);
    let (head, body) = received.recv().unwrap();
    assert!(head.starts_with("POST /canary-place?key=canary-secret HTTP/1.1\r\n"), "{head}");
    for line in ["x-one: é 1\r\n", "content-type: application/json\r\n", "content-length: 7\r\n", "user-agent: connectors/"] {
        assert!(head.contains(line), "{head}");
    }
    assert_eq!(&body, b"{\"a\":1}");
}

#[tokio::test]
async fn two_requests_share_a_connection() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let client = client();
    for _ in 0..2 {
        assert_eq!(client.send(&get(&upstream.url()), LIMITS).await.unwrap().status, 200);
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn any_status_is_an_answer_and_redirects_are_not_followed() {
    for status in [204, 301, 302, 307, 308, 404, 429, 500, 503] {
        let head = format!("HTTP/1.1 {status} X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
        let upstream = Upstream::answering(head);
        let answer = send(&upstream).await.unwrap();
        assert_eq!((answer.status, answer.header("location")), (status, Some("http://127.0.0.1:1/")));
        assert_eq!(upstream.connections(), 1);
    }
}

#[tokio::test]
async fn html_is_returned_untouched() {
    let page = "<html><script>alert('{{ x }}')</script>\u{1b}[2J</html>";
    let upstream = Upstream::once(format!("HTTP/1.1 502 Bad\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}", page.len()));
    let answer = send(&upstream).await.unwrap();
    assert_eq!((answer.status, String::from_utf8(answer.body).unwrap().as_str(), answer.headers[0].1.as_str()), (502, page, "text/html"));
}

#[tokio::test]
async fn flt_20_a_silent_server_times_out() {
    let upstream = Upstream::new(|mut stream| {
        let _until_the_client_leaves = stream.read_to_end(&mut Vec::new());
    });
    let after = Duration::from_millis(120);
    let outcome = send_within(&upstream, Limits { timeout: after, max_bytes: None }).await;
    assert_eq!(outcome, Err(Error::Timeout { after }));
}

#[tokio::test]
async fn flt_21_broken_answers_are_failures() {
    for broken in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nhalf",
        "SSH-2.0-OpenSSH_9.2\r\n",
    ] {
        let outcome = send(&Upstream::once(broken)).await;
        assert!(is_transport(&outcome), "{broken:?} {outcome:?}");
    }
}

#[tokio::test]
async fn flt_21_a_reset_in_the_body_is_a_failure() {
    let upstream = Upstream::new(|mut stream| {
        let mut one = [0];
        // What is left unread makes closing send a reset.
        let _first = stream.read(&mut one);
        let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
    });
    let outcome = send(&upstream).await;
    assert!(is_transport(&outcome), "{outcome:?}");
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let outcome = client().send(&get(&url), LIMITS).await;
    assert_eq!(outcome, Err(Error::Transport { what: "the connection was refused" }));
}

#[tokio::test]
async fn ups_1_a_large_body_is_cut_at_the_limit() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let upstream = Upstream::new(move |mut stream| {
        let _head = read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        let block = vec![b'x'; 64 * 1024];
        for _ in 0..800 {
            if stream.write_all(&block).is_err() {
                return;
            }
            counter.fetch_add(block.len(), Ordering::SeqCst);
        }
    });
    let outcome = send_within(&upstream, Limits { max_bytes: Some(1 << 20), ..LIMITS }).await;
    assert_eq!(outcome, Err(Error::TooLarge { limit: 1 << 20 }));
    assert!(sent.load(Ordering::SeqCst) < 40 << 20, "most of the 50 MB was never taken");
    let announced = Upstream::once("HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\nx");
    assert_eq!(send(&announced).await, Err(Error::TooLarge { limit: 8 << 20 }));
    let asked_for_more = send_within(&announced, Limits { max_bytes: Some(u64::MAX), ..LIMITS }).await;
    assert_eq!(asked_for_more, Err(Error::TooLarge { limit: 8 << 20 }), "a step cannot raise the limit");
}

#[tokio::test]
async fn ups_1_an_endless_trickle_is_cut_by_the_total_time() {
    let upstream = Upstream::new(|mut stream| {
        let _head = read_head(&mut stream);
        let mut going = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_ok();
        while going {
            going = stream.write_all(b"1\r\nx\r\n").is_ok();
            // Paces the server; the test waits for nothing but its own limit.
            std::thread::park_timeout(Duration::from_millis(5));
        }
    });
    let after = Duration::from_millis(150);
    let outcome = send_within(&upstream, Limits { timeout: after, max_bytes: None }).await;
    assert_eq!(outcome, Err(Error::Timeout { after }));
}

#[tokio::test]
async fn ups_2_compressed_bodies_count_decoded() {
    let answer = |encoding: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let small = gzip_of_zeros(1 << 20, crc_of_zeros(1 << 20));
    assert!(small.len() < 16 * 1024);
    let decoded = send(&Upstream::once(answer("gzip", &small))).await.unwrap();
    assert_eq!((decoded.body.len(), decoded.header("content-encoding")), (1 << 20, None));
    let limits = Limits { max_bytes: Some((1 << 20) - 1), ..LIMITS };
    let bomb = send_within(&Upstream::once(answer("gzip", &small)), limits).await;
    assert_eq!(bomb, Err(Error::TooLarge { limit: (1 << 20) - 1 }));
    // Cut long before its checksum, which is wrong.
    let bomb = send(&Upstream::once(answer("gzip", &gzip_of_zeros(32 << 20, 0)))).await;
    assert_eq!(bomb, Err(Error::TooLarge { limit: 8 << 20 }));
    let stacked = send(&Upstream::once(answer("br", &small))).await;
    assert!(is_transport(&stacked), "{stacked:?}");
}

#[tokio::test]
async fn ups_3_too_many_headers_are_a_failure() {
    for (count, length) in [(10_000, 10), (90, 1000), (1, 1 << 20)] {
        let lines = format!("x: {}\r\n", "v".repeat(length)).repeat(count);
        let outcome = send(&Upstream::once(format!("HTTP/1.1 200 OK\r\n{lines}content-length: 0\r\n\r\n"))).await;
        assert!(is_transport(&outcome), "{count} {outcome:?}");
    }
}

#[tokio::test]
async fn ssrf_denied_addresses_see_no_packet() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let port = upstream.address.port();
    let strict = Client::new(&Options::default()).unwrap();
    for host in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "localhost", "x.localhost", "0.0.0.0"] {
        let outcome = strict.send(&get(&format!("http://{host}:{port}/?q=canary")), LIMITS).await;
        assert!(matches!(&outcome, Err(Error::Denied { .. })), "{host} {outcome:?}");
        assert!(!format!("{outcome:?}").contains("canary"));
    }
    let elsewhere = Client::new(&Options { allow: vec!["10.0.0.0/8".parse().unwrap()], ..Options::default() }).unwrap();
    let outcome = elsewhere.send(&get(&format!("http://localhost:{port}/")), LIMITS).await;
    assert!(matches!(&outcome, Err(Error::Denied { host, .. }) if host == "localhost"), "{outcome:?}");
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn ssrf_a_name_is_open_where_its_network_is_allowed() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let options = Options { allow: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()], ..Options::default() };
    let url = format!("http://localhost:{}/", upstream.address.port());
    let answer = Client::new(&options).unwrap().send(&get(&url), LIMITS).await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn hdr_1_and_2_headers_that_cannot_be_sent() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let long = "x".repeat(70_000);
    for (name, value) in [
        ("X-A", "a\r\nX-Evil: 1"),
        ("X-A", "a\n b"),
        ("X-A", "a\u{0}"),
        ("X-A", "a%0d%0aX-Evil: 1"),
        ("X-A", "a\u{2028}b"),
        ("X-A\r\nX-B", "a"),
        ("X A", "a"),
        ("", "a"),
        (long.as_str(), "a"),
        ("Host", "evil.example"),
        ("content-LENGTH", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("TE", "trailers"),
        ("Upgrade", "h2c"),
        ("Expect", "100-continue"),
        ("Proxy-Authorization", "x"),
    ] {
        let mut request = get(&upstream.url());
        request.headers = vec![(name.to_owned(), value.to_owned())];
        let outcome = client().send(&request, LIMITS).await;
        assert!(matches!(&outcome, Err(Error::InvalidHeader { name, .. }) if name.len() <= 64), "{name:.20} {value:?} {outcome:?}");
    }
    assert_eq!(upstream.connections(), 0);
}

/// A certificate that signs itself, for 127.0.0.1, and its key; trusted by nobody, used nowhere else.
const SELF_SIGNED: (&str, &str) = (
    "MIIBfzCCASagAwIBAgIUWF+81CFLUdxt0fUE4nPdKqvSIaQwCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBeDAgFw0yNjExMjMyMzMxMTdaGA8yMTI2MTAzMDIz\
     MzExN1owDDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABISAbjOaYd41r8WBsM+lXK+tRdCH5GP+od+JRGKfA8z3yiBsEP22eElD0P4M\
     9BIf2rTJPff1MQeG7pQZq+u28eGjZDBiMB0GA1UdDgQWBBRVFSNisEdcfqC3klG6ctinPDcbYzAfBgNVHSMEGDAWgBRVFSNisEdcfqC3klG6ctinPDcbYzAP\
     BgNVHRMBAf8EBTADAQH/MA8GA1UdEQQIMAaHBH8AAAEwCgYIKoZIzj0EAwIDRwAwRAIgWciMHALKDD+P3HsmIj7cEzFrLsHSxp1R+gZtAdV+KecCIDDOjVK4\
     nczrhCe4jY/WpMBpJc5gvXDEIZTKPfQg57la",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggXa4ttEggJNArJJUBZKwC9MAwNNmYvJxH+g/Z9o5ntqhRANCAASEgG4zmmHeNa/FgbDPpVyv\
     rUXQh+Rj/qHfiURinwPM98ogbBD9tnhJQ9D+DPQSH9q0yT339TEHhu6UGavrtvHh",
);

#[tokio::test]
async fn ups_6_a_certificate_nobody_vouches_for_ends_the_call() {
    let decode = |text: &str| STANDARD.decode(text).unwrap();
    let (certificate, key) = (decode(SELF_SIGNED.0), decode(SELF_SIGNED.1));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::Pkcs8(key.into());
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate.into()], key).unwrap());
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&heard);
    let upstream = Upstream::new(move |mut stream| {
        let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        if let Ok(read) = rustls::Stream::new(&mut tls, &mut stream).read(&mut [0; 64]) {
            counter.fetch_add(read, Ordering::SeqCst);
        }
    });
    let url = upstream.url().replace("http://", "https://");
    let outcome = client().send(&get(&url), LIMITS).await;
    assert_eq!(outcome, Err(Error::Untrusted));
    assert_eq!(heard.load(Ordering::SeqCst), 0, "not a byte of the request");
    let plain = Upstream::new(|mut stream| {
        let _sent = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    });
    let outcome = client().send(&get(&plain.url().replace("http://", "https://")), LIMITS).await;
    assert!(is_transport(&outcome), "{outcome:?}");
}
