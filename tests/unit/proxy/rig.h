/* rig.h — the world around one gwd-proxy, for its component tests: plays
 * supervisor and gwd-auth over socket pairs, has an upstream that misbehaves
 * on demand, and TLS clients with cards of a CA of its own. All of it runs in
 * the test's process but gwd-proxy itself, which is the real one. */
#ifndef GW_TEST_RIG_H
#define GW_TEST_RIG_H

#include <pthread.h>
#include <openssl/ssl.h>
#include "gw/conf.h"
#include "gw/proto.h"

/* ---- certificates (rig_pki.c) */

struct rig_pki {
	X509 *ca, *server, *card;
	EVP_PKEY *ca_key, *server_key, *card_key;
};

void rig_pki_init(struct rig_pki *p);
void rig_pki_clear(struct rig_pki *p);
/* One more certificate of the CA; `san` may be NULL. */
X509 *rig_issue(const struct rig_pki *p, const char *cn, const char *san,
		EVP_PKEY *key);
/* PEM into `out`; returns its length. */
size_t rig_pem_cert(X509 *x, uint8_t *out, size_t cap);
size_t rig_pem_key(EVP_PKEY *k, uint8_t *out, size_t cap);

/* ---- the upstream (rig_upstream.c, rig_plain.c, rig_switched.c): a thread for
 * each connection
 *
 *   /bytes/N /chunked/N /close/N   a body of N bytes, framed so
 *   /head       the request's head comes back as body
 *   /upload     reads the body; answers "LENGTH SUM"
 *   /early      answers 413 with the body unread, and stops reading
 *   /slow/MS    waits before it answers
 *   /continue   asks for the body by 100, then as /upload
 *   /hang       never answers
 *   /garbage    no HTTP
 *   /greeting   nor this, and waits
 *   /drop-reused  closes without a word when not the connection's first
 *   /ws         101, then echo
 *   /interims/N N times 103, then an answer
 *   /told       answers after rig_let(); asked, see rig_heard(): 1
 *   /unasked    an answer; after rig_let() one more, see rig_heard(): 1
 *   /frames/X   101, WebSocket frames (whole, cut, closed, other), silence
 *   /last/N     101; after a word and rig_let() N bytes, and closed
 *   /torn/N     101, N bytes, and reset
 *   /torn-late/N  the same after a word and rig_let()
 *   /torn-close/N  an answer without end after rig_let(), N bytes, and reset
 *   /hear       101; listens to the end, see rig_heard()
 *   /hear-late  the same, deaf until rig_let()
 *   /babble     the same, having said all that nobody hears: 1
 *   /hear-then/N  the same, then N bytes
 *   /hear-bye    the same; after rig_let() closed, see rig_heard(): 1
 *   /hear-end    101; listens; how it ended, see rig_heard(): 1 orderly, 2 not
 *   /hush/N     101, N bytes, says no more; then as /hear
 */
struct rig_upstream {
	int listener;
	uint16_t port;
	pthread_t thread;
};

void rig_upstream_start(struct rig_upstream *u);
/* Takes no further connection. */
void rig_upstream_stop(struct rig_upstream *u);
/* How much of the pattern a tunnel that has ended since the last call brought
 * (0: something else); /last: the word's length, then N. Waits for
 * `want`, not for ever. */
size_t rig_heard(size_t want);
void rig_let(void);

/* ---- gwd-proxy and its peers (rig.c, rig_auth.c, rig_conf.c,
 * rig_supervisor.c) */

struct rig_key { /* one configuration value: section, key, text */
	const char *section, *key, *text;
};

struct rig;

/* Certificates of the listener "test", the default first; NULL: one, the
 * PKI's server. Borrowed at start and by rig_renew(). */
struct rig_own {
	X509 *cert;
	EVP_PKEY *key;
	const uint8_t *staple;
	size_t staple_len;
};
extern const struct rig_own *rig_own;
extern size_t rig_own_count;
/* Called when the PKI is there, before gwd-proxy starts. */
extern void (*rig_on_pki)(const struct rig_pki *p);
/* Sends the files again; what gwd-proxy says to it. All workers have them. */
enum gw_err rig_renew(struct rig *r);

/* Sessions are of so many cards in turn (255 at most); 0: each of another. */
extern unsigned rig_cards;
/* Descriptors gwd-proxy may have; 0: as many as we. */
extern unsigned rig_files_max;
/* Servers of the upstream nobody listens at; one at first. */
extern unsigned rig_dead_servers;
/* What the kernel may hold for a client of it; 0: as much as it likes. */
extern int rig_send_buffer;
/* Starts everything; `keys` (ended by a NULL section) change the defaults.
 * The listener "test" has the upstream "main" and the routes "/denied"
 * (refused by the verdict), "/dead" (an upstream nobody listens at) and
 * "/ws"; the listener "other" has the defaults and the same upstream. */
struct rig *rig_start(const struct rig_key *keys);
/* Tells gwd-proxy to stop, and goes on: what is left is for rig_stop(). */
void rig_begin_stop(struct rig *r);
/* Stops gwd-proxy by STOP; asserts that it ended well. */
void rig_stop(struct rig *r);

/* Has all of gwd-proxy's threads stand still, not only told to; go on. */
void rig_pause(struct rig *r);
void rig_go_on(struct rig *r);

const struct rig_pki *rig_pki(struct rig *r);
pid_t rig_pid(struct rig *r);
/* What gwd-proxy has in memory. */
long rig_resident_kib(struct rig *r);
/* What its threads have run, in milliseconds: the same on a busy machine. */
double rig_cpu_ms(struct rig *r);

/* How gwd-auth answers from now on. */
struct rig_answer {
	enum gw_err reason;   /* GW_ERR_OK: allow */
	int delay_ms;         /* -1: when rig_judge() says so */
	bool no_account;
	time_t lifetime;      /* seconds; 0: an hour */
};
void rig_answer(struct rig *r, const struct rig_answer *a);
/* Answers, as it would now, all it has not answered. */
void rig_judge(struct rig *r);
/* Waits until it has been asked so often. */
void rig_await_admits(struct rig *r, unsigned want);
/* gwd-auth dies; comes back, as all workers know. */
void rig_unlink(struct rig *r);
void rig_link(struct rig *r);
/* gwd-auth reads no more; reads again. Nothing else of the rig but its clients
 * may be used in between. */
void rig_deafen(struct rig *r);
void rig_hearken(struct rig *r);
/* Ends the session given last: by gwd-auth, or by the supervisor. */
void rig_revoke(struct rig *r);
void rig_kill(struct rig *r);
/* What gwd-auth has seen. */
unsigned rig_admits(struct rig *r);
/* Waits until so many have been told of, and for a moment more. */
unsigned rig_leaves(struct rig *r, unsigned want);
size_t rig_chain_count(struct rig *r); /* of the last ADMIT */
unsigned rig_resumed(struct rig *r);   /* ADMITs of resumed sessions */
/* The status rows as one text, a row a line: "section {…}". Heap. */
char *rig_status(struct rig *r);

/* ---- clients (rig_client.c) */

struct rig_client {
	int fd;
	SSL *ssl;
	SSL_CTX *ctx;
	char alert[64]; /* OpenSSL's name of the alert received, or "" */
};

enum {
	RIG_NO_CARD = 1,
	RIG_TLS12 = 2,
	RIG_OTHER = 4,     /* listener */
	RIG_WRONG_KEY = 8, /* the card's certificate, without its key */
};
/* Connected, handshake done as far as the client can tell. False with
 * c->alert when refused by then. */
bool rig_connect(struct rig *r, struct rig_client *c, int flags);
/* The same, offering a session (may be NULL). */
bool rig_resume(struct rig *r, struct rig_client *c, int flags,
		SSL_SESSION *session);
/* Connected, nothing said yet. */
void rig_dial(struct rig *r, struct rig_client *c, int flags);
/* The handshake of one that was dialled; as rig_connect(). */
bool rig_shake(struct rig_client *c);
/* Waits until gwd-proxy has read all that was sent to it (and a moment more,
 * for what it does then). */
void rig_await_taken(struct rig *r, struct rig_client *c);
/* How long a read may wait. */
void rig_set_timeout(struct rig_client *c, int ms);
void rig_close(struct rig_client *c);
void rig_send(struct rig_client *c, const char *text);
void rig_send_bytes(struct rig_client *c, const void *p, size_t len);
/* -1: error or alert; 0: the end. */
int rig_recv(struct rig_client *c, void *buf, size_t len);
/* One response: status, and head and body (NUL-terminated, heap; NULL not
 * wanted). -1 when there is none. */
int rig_response(struct rig_client *c, char **out_head, char **out_body,
		 size_t *out_len);
/* "GET path" on this connection; the status. */
int rig_get(struct rig_client *c, const char *path, char **out_body,
	    size_t *out_len);
/* Whether the gateway ends the connection; waits as long as for a read. */
bool rig_is_closed(struct rig_client *c);
int rig_port(struct rig *r);
int rig_other_port(struct rig *r);

/* What /bytes, /chunked, /close and an upload consist of. */
uint8_t rig_byte(size_t i);

#endif
