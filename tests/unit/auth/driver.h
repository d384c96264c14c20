/* driver.h — the world around one gwd-auth, for its component tests: plays
 * supervisor, gwd-proxy (two threads) and gwd-kdc over socket pairs, and has
 * OCSP responders: a real one, one that stays silent and one that is not
 * there. gwd-auth itself is the real one. Nothing is waited for longer than
 * WAIT_MS. */
#ifndef DRIVER_H
#define DRIVER_H

#include <sys/types.h>

#include "gw/admin.h"
#include "gw/conf.h"
#include "gw/proto.h"

#define WAIT_MS 60000

struct got {
	uint8_t type;
	uint64_t id;
	struct gw_rd rd; /* of a buffer that the next message overwrites */
};

struct auth {
	pid_t pid;
	int control, proxy[2], kdc;
	char state[64];
	struct gw_conf conf;
	char responder[64]; /* the real one's URL */
};

struct setting {
	const char *section, *key, *text;
};

/* Registered: "issuing" (the real responder), "other-issuing" (the silent
 * one) and "lower" (none there), without their roots. Listeners: "web", and
 * "door", which admits by certificate. `more` ends with a NULL section; for
 * listeners it means "web", for a ca "issuing". */
void auth_start(struct auth *a, const struct setting *more);
/* The same without "issuing", for register_ca(). */
void auth_start_unregistered(struct auth *a);
/* Asserts that it ended by itself and well. */
void auth_stop(struct auth *a);
void stop_responder(void); /* the real one */

/* ---- messages */

struct gw_wr *writer(void); /* of the next message */
void send_msg(int fd, uint8_t type, uint64_t id);
/* False when nothing came in time; the end of the channel is type 0. */
bool await_msg(int fd, int ms, struct got *out);
bool is_quiet(int fd); /* nothing comes for a while */

/* ---- as gwd-proxy */

void admit(const struct auth *a, int proxy, uint64_t id, const char *card,
	   const char *listener);
/* The same, and says with it who has gone. */
void admit_after(const struct auth *a, const struct gw_gone *gone, int proxy,
		 uint64_t id, const char *card, const char *listener);
/* The next message must be the verdict on `id`. */
struct gw_verdict_msg verdict(const struct auth *a, int proxy, uint64_t id);
void leave(const struct auth *a, int proxy,
	   const uint8_t session[GW_SESSION_ID]);
/* The next message must be this session's revocation; the reason. */
enum gw_err revoked(const struct auth *a, int proxy,
		    const uint8_t session[GW_SESSION_ID]);

/* ---- as gwd-kdc */

/* The next message must be a LOGON; gw_claims_clear(). Its id. */
uint64_t logon(const struct auth *a, struct gw_logon *out);
struct gw_facts some_facts(void); /* alice's; nothing to free */
void send_facts(const struct auth *a, uint64_t id, const struct gw_facts *f);
void relink_kdc(struct auth *a);

/* ---- as supervisor */

/* All rows, "SECTION JSON\n" each; lives until the next call. */
const char *ask_status(const struct auth *a);
struct gw_admin_done change(const struct auth *a, const struct gw_admin *m);
/* Registers a certificate with the real responder; `out` is its id. */
void register_ca(const struct auth *a, const char *name,
		 char out[GW_CA_ID_SIZE]);
/* Sets one key of it; an empty text: the default. */
void update_ca(const struct auth *a, const char *id, const char *key,
	       const char *text);
void kill_session(const struct auth *a, const uint8_t id[GW_SESSION_ID]);

#endif
