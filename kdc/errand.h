/* errand.h — a question to the directory that is no login: to one domain
 * controller after the other, until one has answered. Linked into gwd-kdc
 * only; runs in the housekeeping thread and in the one that fetches
 * revocation lists. */
#ifndef KDC_ERRAND_H
#define KDC_ERRAND_H

#include "gw/proto.h"
#include "worker.h"

struct gw_errand {
	gw_question_fn *fn; /* asked over a connection bound as the service */
	void *ctx;
	bool is_slow; /* the answer may be large: it gets the time there is,
			 and its failure is not held against the DC */
};

/* What `fn` returned, or that no DC could be asked: as gw_worker_ask().
 * `out_dc`, unless NULL, is the one asked last. */
GW_MUST_CHECK enum gw_err gw_errand_run(struct gw_worker *w,
					const struct gw_errand *e,
					uint64_t deadline_ms,
					char out_dc[GW_HOST_MAX],
					struct gw_error *err);

/* Renews the service's ticket when it is time, reads what the directory says
 * of the service account and tells `service` and `dcs`. As gw_errand_run(). */
GW_MUST_CHECK enum gw_err gw_errand_check_service(struct gw_worker *w,
						  uint64_t deadline_ms,
						  struct gw_error *err);

/* NTAuthCertificates as it is now; more than GW_NTAUTH_MAX is an error. As
 * gw_errand_run(). */
GW_MUST_CHECK enum gw_err gw_errand_ntauth(struct gw_worker *w,
					   uint64_t deadline_ms,
					   struct gw_ntauth_msg *out,
					   struct gw_error *err);

/* The revocation list behind an ldap: URL, as sealed memory the caller owns
 * (gw/memfd.h). REVOCATION_UNAVAILABLE: the URL is refused, or there is no
 * list; REVOCATION_MALFORMED: more than one, too large, no DER; BUSY: no time
 * left; KDC_*, LDAP_UNREACHABLE, SERVICE_*. */
struct gw_crl_file {
	int fd;
	uint32_t size;
};
GW_MUST_CHECK enum gw_err gw_errand_crl(struct gw_worker *w, const char *url,
					uint64_t deadline_ms,
					struct gw_crl_file *out,
					char out_dc[GW_HOST_MAX],
					struct gw_error *err);

#endif
