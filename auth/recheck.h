/* auth/recheck.h — the certificates of live sessions are asked about again,
 * before the answers that let them in end and whenever a revocation list has
 * changed. When the rules have changed (the registered CAs, their settings,
 * NTAuth) their paths are judged by these, too. Linked into gwd-auth.
 *
 * `Revoked`, an authority that does not know its certificate any more, and what
 * the rules of now refuse end a session at once. Silence does not: a session
 * that is in goes on to its own end while nobody answers, and is asked about
 * ever again; to let anybody in, silence never suffices.
 */
#ifndef GW_RECHECK_H
#define GW_RECHECK_H

#include "auth.h"

/* Of what a client sent, what its session needs to be judged again: the
 * path's certificates, and GW_RECHECK_SPARE bytes of others, by which another
 * path may lead, or a list's signer be known, when the rules have changed. As
 * much of junk is all that anybody can have kept. gw_certs_free(). */
#define GW_RECHECK_SPARE 8192
STACK_OF(X509) *gw_recheck_keep(const struct gw_path *path,
				STACK_OF(X509) *given);

/* The session takes the path over, and keeps of `given` what it needs. Its
 * answer is good until `fresh_until`; 0: it was not kept. */
void gw_recheck_begin(struct gw_session *s, struct gw_path *path,
		      STACK_OF(X509) *given, time_t fresh_until);
/* Before the session is freed. */
void gw_recheck_end(struct gw_session *s);

/* A revocation list has changed. */
void gw_recheck_all(struct gw_auth *a);
/* The rules have. */
void gw_recheck_rules(struct gw_auth *a);

/* For status: when the session's certificate is asked about next; 0: not. */
time_t gw_recheck_at(const struct gw_session *s);
/* Its last question brought no answer. */
bool gw_recheck_is_failing(const struct gw_session *s);

#endif
