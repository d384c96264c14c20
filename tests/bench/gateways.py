"""The gateways of tests/bench: for each a configuration of the same meaning.

Mutual TLS 1.2 and 1.3 with the same key and CA, the client's certificate and
name handed on in a header, HTTP/1.1 keep-alive to one backend, no access log,
one worker. hitch alone does less: it moves bytes, and neither reads a request
nor says whose it is.
"""
import os
import subprocess

# name: (program, how it is asked for its version)
PROGRAMS = {"nginx": ("/usr/sbin/nginx", "-v"),
            "haproxy": ("/usr/sbin/haproxy", "-v"),
            "apache": ("/usr/sbin/apache2", "-v"),
            "hitch": ("/usr/sbin/hitch", "--version")}


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def both(path, *parts):
    return write(path, "".join(open(p).read() for p in parts))


def gwd(d, b):
    conf = write(f"{d}/gwd.conf", f"""
proxy_user = "64811"
auth_user = "64812"
kdc_user = "64813"
socket = "{d}/gwd.sock"
state_dir = "{d}/state"
workers = 1
log_level = "warning"
session {{ reuse = 1h }}
revocation {{ cache_max = 1h }}
ca "bench" {{ file = "{b.pki.ca}" }}
upstream "backend" {{ servers = {{"127.0.0.1:{b.backend}"}} keepalive = 64 }}
listener "bench" {{
    address = "127.0.0.1:{b.port}"
    certificate = "{b.pki.server}"
    key = "{b.pki.key}"
    upstream = "backend"
    admission = "certificate"
    max_connections = 50000
}}
""")
    os.makedirs(f"{d}/state", exist_ok=True)
    return [f"{b.build}/bin/gwd", "-c", conf]


def nginx(d, b):
    conf = write(f"{d}/nginx.conf", f"""
daemon off; worker_processes 1; pid {d}/nginx.pid; error_log {d}/nginx.err;
events {{ worker_connections {b.files - 100}; }}
http {{
  access_log off; keepalive_requests 10000000; keepalive_timeout 1h;
  client_body_temp_path {d}/n1; proxy_temp_path {d}/n2;
  fastcgi_temp_path {d}/n3; uwsgi_temp_path {d}/n4; scgi_temp_path {d}/n5;
  map $http_upgrade $conn {{ default upgrade; '' ''; }}
  upstream b {{
    server 127.0.0.1:{b.backend}; keepalive 64; keepalive_requests 10000000;
  }}
  server {{
    listen 127.0.0.1:{b.port} ssl backlog=4096;
    ssl_certificate {b.pki.server}; ssl_certificate_key {b.pki.key};
    ssl_client_certificate {b.pki.ca}; ssl_verify_client on;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:s:10m;
    location / {{
      proxy_pass http://b; proxy_http_version 1.1;
      proxy_max_temp_file_size 0;
      proxy_set_header Connection $conn;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header Client-Cert $ssl_client_escaped_cert;
      proxy_set_header X-Remote-User $ssl_client_s_dn;
      proxy_read_timeout 1h; proxy_send_timeout 1h;
    }}
  }}
}}
""")
    return [PROGRAMS["nginx"][0], "-c", conf]


def haproxy(d, b):
    pem = both(f"{d}/both.pem", b.pki.server, b.pki.key)
    conf = write(f"{d}/haproxy.cfg", f"""
global
  nbthread 1
  maxconn {b.tunnels + 100}
defaults
  mode http
  timeout client 1h
  timeout server 1h
  timeout connect 5s
  timeout tunnel 1h
frontend f
  bind 127.0.0.1:{b.port} ssl crt {pem} ca-file {b.pki.ca} verify required \
ssl-min-ver TLSv1.2 backlog 4096
  http-request set-header Client-Cert :%[ssl_c_der,base64]:
  http-request set-header X-Remote-User %[ssl_c_s_dn(cn)]
  http-request set-header X-Forwarded-For %[src]
  default_backend b
backend b
  http-reuse always
  server s 127.0.0.1:{b.backend}
""")
    return [PROGRAMS["haproxy"][0], "-db", "-f", conf]


def apache(d, b):
    mods = "/usr/lib/apache2/modules"
    names = ["mpm_event", "authz_core", "ssl", "proxy", "proxy_http",
             "proxy_wstunnel", "headers", "socache_shmcb", "rewrite"]
    load = "\n".join(f"LoadModule {n}_module {mods}/mod_{n}.so" for n in names)
    conf = write(f"{d}/apache.conf", f"""
{load}
ServerRoot {d}
ServerName gateway.example.com
PidFile {d}/apache.pid
ErrorLog {d}/apache.err
Listen 127.0.0.1:{b.port}
ListenBacklog 4096
User www-data
Group www-data
StartServers 1
ServerLimit 20
ThreadLimit 100
ThreadsPerChild 100
MaxRequestWorkers 2000
MaxSpareThreads 2000
MaxKeepAliveRequests 0
KeepAliveTimeout 3600
Timeout 3600
SSLSessionCache shmcb:{d}/ssl(512000)
<VirtualHost 127.0.0.1:{b.port}>
  SSLEngine on
  SSLProtocol -all +TLSv1.2 +TLSv1.3
  SSLCertificateFile {b.pki.server}
  SSLCertificateKeyFile {b.pki.key}
  SSLCACertificateFile {b.pki.ca}
  SSLVerifyClient require
  RequestHeader set X-Remote-User "%{{SSL_CLIENT_S_DN_CN}}s"
  RequestHeader set Client-Cert "%{{SSL_CLIENT_CERT}}s"
  RewriteEngine on
  RewriteCond %{{HTTP:Upgrade}} websocket [NC]
  RewriteRule /(.*) ws://127.0.0.1:{b.backend}/$1 [P,L]
  ProxyPass / http://127.0.0.1:{b.backend}/ keepalive=On
</VirtualHost>
""")
    return [PROGRAMS["apache"][0], "-DFOREGROUND", "-f", conf]


def hitch(d, b):
    dh = f"{d}/dh.pem"
    subprocess.run(["openssl", "dhparam", "-dsaparam", "-out", dh, "2048"],
                   check=True, capture_output=True)
    pem = both(f"{d}/both.pem", b.pki.key, b.pki.server, dh)
    conf = write(f"{d}/hitch.conf", f"""
frontend = "[127.0.0.1]:{b.port}"
backend = "[127.0.0.1]:{b.backend}"
pem-file = "{pem}"
client-verify = required
client-verify-ca = "{b.pki.ca}"
workers = 1
daemon = off
user = "_hitch"
group = "_hitch"
backlog = 4096
quiet = on
""")
    return [PROGRAMS["hitch"][0], f"--config={conf}"]


ALL = {"gwd": gwd, "nginx": nginx, "haproxy": haproxy, "apache": apache,
       "hitch": hitch}


def version(name):
    """'nginx 1.22.1', as the program says itself."""
    if name not in PROGRAMS:
        return name
    r = subprocess.run(PROGRAMS[name], capture_output=True, text=True)
    for word in (r.stdout + r.stderr).replace("/", " ").split():
        if word[0].isdigit() and "." in word:
            return f"{name} {word.split('-')[0]}"
    return name
