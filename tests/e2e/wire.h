/* wire.h — a TLS client that says exactly what it is told: bytes that no HTTP
 * library would send, alerts, and a small WebSocket. libssl.
 *
 * In TLS 1.3 a client learns that its certificate was refused at its first
 * read, not from its handshake. */
#ifndef E2E_WIRE_H
#define E2E_WIRE_H

#include "lab.h"

struct wire;

struct wire_ask {
	const char *base; /* NULL: GATEWAY_URL */
	const char *from; /* source address; NULL: the system's */
	const char *card; /* NULL: none */
	int tls;          /* 10 to 13, or 0 */
	int rcvbuf;       /* of the socket; 0: the system's */
	void *session;    /* of wire_session(), to be taken up again */
	bool any_server;  /* its certificate is not checked */
	const char *name;    /* asked for; NULL: the gateway's, "": none */
	const char *ciphers; /* up to 1.2; NULL: the library's */
	const char *suites;  /* of 1.3 */
	const char *sigalgs; /* it can verify */
	const char *alpn;    /* as on the wire (RFC 7301 3.1), NULL: none */
	bool wants_staple;
	const char *early;   /* data sent before the handshake (RFC 8446 2.3) */
};

/* TCP alone: a descriptor that does not block. A failure ends the test. */
int wire_dial(struct wire_ask a);
#define DIAL(...) wire_dial((struct wire_ask){ __VA_ARGS__ })
/* The first bytes of a handshake as a client sends them. */
char *wire_hello(size_t *out_len);

/* Connects and shakes hands; a failure of TCP ends the test. */
struct wire *wire_open(struct wire_ask a);
#define WIRE(...) wire_open((struct wire_ask){ __VA_ARGS__ })
void wire_close(struct wire *w);

bool wire_is_up(const struct wire *w);  /* the handshake succeeded */
/* The TLS session, with its ticket; valid until the test ends. */
void *wire_session(struct wire *w);
bool wire_is_resumed(const struct wire *w);
/* The subject of the certificate that was shown, "/CN=x"; "" for none. */
char *wire_server(const struct wire *w);
/* The protocol that was chosen, "" for none; the cipher. */
char *wire_protocol(const struct wire *w);
const char *wire_cipher(const struct wire *w);
/* The OCSP response that came along, or NULL. */
const unsigned char *wire_staple(struct wire *w, size_t *out_len);
bool wire_early_was_taken(const struct wire *w);
/* Asks to shake hands anew; true when that was done. */
bool wire_renegotiates(struct wire *w);
int wire_alert(const struct wire *w);   /* received, fatal; 0: none so far */
const char *wire_alert_name(int alert); /* "certificate_revoked", … */

/* Says that nothing more will be said; reading goes on. */
void wire_shut(struct wire *w);
/* The same of TCP: a FIN, with wire_shut() before it or without. */
void wire_fin(struct wire *w);
/* False when the connection broke. */
bool wire_send(struct wire *w, const void *p, size_t len);
bool wire_say(struct wire *w, const char *s);
/* How many of the bytes could be sent within the time. */
size_t wire_push(struct wire *w, const void *p, size_t len, int timeout_ms);
/* Up to `cap` bytes; 0: closed, -1: broken, -2: nothing within the time. */
int wire_read(struct wire *w, void *p, size_t cap, int timeout_ms);
/* Reads until the connection closes, the text stands in what came, or the
 * time is over. What came, NUL-terminated. */
char *wire_read_until(struct wire *w, const char *word, int timeout_ms);
/* Nothing more to come: the other side closed or broke within the time. */
bool wire_is_over(struct wire *w, int timeout_ms);

/* ---- WebSocket (RFC 6455) */

/* GET with Upgrade; the status of the answer. Ready to use after 101. */
int ws_begin(struct wire *w, const char *path);
/* The same; "Name: value\r\n" lines more, and the head of the answer. */
int ws_begin_with(struct wire *w, const char *path, const char *fields,
		  char **out_head);
void ws_send(struct wire *w, const char *message);
/* One frame, masked; `first` is its first byte. */
void ws_send_frame(struct wire *w, unsigned first, const void *p, size_t len);
/* The next frame's first byte, and its payload, NUL-terminated, which lives
 * until the test ends; -1 when none came in time. */
int ws_recv_frame(struct wire *w, char **out, size_t *out_len,
		  int timeout_ms);
/* The payload of the next message; NULL when none came in time. */
char *ws_recv(struct wire *w, int timeout_ms);
/* Sends a message and has it back, within the time. */
bool ws_echoes(struct wire *w, const char *message, int timeout_ms);
/* What comes next is a Close frame with this code and reason. */
bool ws_closes(struct wire *w, unsigned code, const char *reason,
	       int timeout_ms);

#endif
