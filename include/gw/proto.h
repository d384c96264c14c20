/* gw/proto.h — what the processes say to each other. Linked into every
 * process. Each struct has one encoder and one decoder; the decoder bounds
 * every field and is fuzzed.
 *
 *   supervisor ─control─ each child      CONF FILE LISTENER LINK START …
 *   proxy ─link─ auth                    ADMIT → VERDICT, GONE, ← REVOKE
 *   auth ─link─ kdc                      LOGON → FACTS | REFUSED
 *                                        CRL_ASK → CRL | CRL_REFUSED, ← NTAUTH
 *
 * The proxy can present a certificate, never a name. */
#ifndef GW_PROTO_H
#define GW_PROTO_H

#include "gw/error.h"
#include "gw/identity.h"
#include "gw/util.h"
#include "gw/wire.h"

enum gw_msg_type {
	/* control, supervisor to child */
	GW_MSG_CONF = 1,   /* one section instance, gw_conf_encode */
	GW_MSG_FILE,       /* struct gw_file */
	GW_MSG_LISTENER,   /* struct gw_listener_msg, carries the socket */
	GW_MSG_LINK,       /* struct gw_link_msg, carries the socket */
	GW_MSG_START,      /* empty: everything has been said */
	GW_MSG_STATUS_ASK, /* empty; answered by rows and an end */
	GW_MSG_KILL,       /* session id (16 raw bytes) */
	GW_MSG_STOP,       /* empty: finish and exit */
	/* control, child to supervisor */
	GW_MSG_READY,      /* empty: started, privileges dropped */
	GW_MSG_FAILED,     /* u32 enum gw_err, str detail: cannot start */
	GW_MSG_STATUS_ROW, /* str section, str JSON object */
	GW_MSG_STATUS_END, /* empty */
	/* proxy and auth */
	GW_MSG_ADMIT,      /* proxy: struct gw_admit */
	GW_MSG_VERDICT,    /* auth: struct gw_verdict_msg, id of the ADMIT */
	GW_MSG_GONE,       /* proxy: struct gw_gone, not empty */
	GW_MSG_REVOKE,     /* auth: session id, u32 enum gw_err why */
	/* auth and kdc */
	GW_MSG_LOGON,      /* auth: struct gw_logon */
	GW_MSG_FACTS,      /* kdc: struct gw_facts, id of the LOGON */
	GW_MSG_REFUSED,    /* kdc: u32 enum gw_err, str detail, str dc */
	/* control, the registry (gw/admin.h) */
	GW_MSG_ADMIN,      /* to auth: struct gw_admin */
	GW_MSG_ADMIN_DONE, /* from auth: struct gw_admin_done, same id */
	GW_MSG_CA_NAMES,   /* from auth, and on to proxy: bytes, DER names */
	/* auth and kdc, what auth needs of the directory */
	GW_MSG_CRL_ASK,    /* auth: struct gw_crl_ask */
	GW_MSG_CRL,        /* kdc: u32 size, id of the CRL_ASK; always carries
			      a descriptor (gw/memfd.h) of one DER list */
	GW_MSG_CRL_REFUSED, /* kdc: struct gw_refused, id of the CRL_ASK */
	GW_MSG_NTAUTH,     /* kdc: struct gw_ntauth_msg; unasked, when known
			      and when changed */
	/* control, a reload */
	GW_MSG_RENEW,      /* to proxy and auth: empty, the files have been
			      sent */
	GW_MSG_RENEWED,    /* from proxy and auth: u32 enum gw_err, detail */
	GW_MSG_TYPE_COUNT
};

/* ---- control */

enum gw_file_purpose {
	/* of each certificate of a listener one of these three, in the same
	 * order; the default comes first */
	GW_FILE_SERVER_CERT, /* name: listener; PEM chain */
	GW_FILE_SERVER_KEY,  /* name: listener; PEM */
	GW_FILE_CA,          /* name: ca section; one certificate, PEM */
	GW_FILE_KEYTAB,      /* name: "" */
	GW_FILE_SERVER_STAPLE, /* name: listener; DER, may be empty */
	GW_FILE_NAMES,       /* name: GW_RESOLV_CONF or GW_HOSTS; text */
};

struct gw_file {
	enum gw_file_purpose purpose;
	char name[GW_NAME_MAX];
	uint8_t *data;       /* heap, wiped by gw_file_clear() */
	size_t len;
};
#define GW_FILE_MAX 60000
#define GW_RESOLV_CONF "resolv.conf"
#define GW_HOSTS       "hosts"

struct gw_listener_msg {
	char name[GW_NAME_MAX];
	uint32_t worker;
};

enum gw_link { GW_LINK_AUTH, GW_LINK_PROXY, GW_LINK_KDC }; /* the far end */
struct gw_link_msg {
	enum gw_link far;
	uint32_t worker; /* proxy thread the link belongs to, else 0 */
};

/* ---- proxy → auth */

#define GW_CHAIN_MAX  10     /* certificates, leaf included */
#define GW_CERT_MAX   16384  /* bytes of one */
#define GW_CHAIN_BYTES_MAX 49152
#define GW_PEER_MAX   64     /* "[v6]:port" */
#define GW_ROUTES_MAX 256    /* per listener */
#define GW_SESSION_ID 16

struct gw_der {
	const uint8_t *p; /* borrowed from the message or the caller */
	size_t len;
};

/* Session ids, one behind the other: of each one connection has ended. One id
 * may stand there several times. Said with the next question, or after
 * GW_GONE_MS: until then they count as connected. */
#define GW_GONE_MAX 64
#define GW_GONE_MS  20
struct gw_gone {
	const uint8_t *ids; /* borrowed from the message or the caller */
	size_t count;
};

void gw_gone_encode(struct gw_wr *w, const struct gw_gone *l);
/* One or more, and nothing else. */
GW_MUST_CHECK bool gw_gone_decode(struct gw_rd *r, struct gw_gone *out);

struct gw_admit {
	char login[GW_LOGIN_ID_SIZE]; /* the proxy's id for this login */
	char listener[GW_NAME_MAX];
	char peer[GW_PEER_MAX];
	bool is_resumed;              /* TLS session was resumed */
	struct gw_der chain[GW_CHAIN_MAX]; /* leaf first */
	size_t chain_count;
	struct gw_gone gone;          /* before this one came; may be none */
};

void gw_admit_encode(struct gw_wr *w, const struct gw_admit *a);
GW_MUST_CHECK bool gw_admit_decode(struct gw_rd *r, struct gw_admit *out);

/* ---- auth → proxy */

/* Zero means deny; allow is a value that neither wiped nor forgotten memory
 * has. Only gw_policy_decide() in gwd-auth returns it. */
enum gw_verdict { GW_VERDICT_DENY = 0, GW_VERDICT_ALLOW = 0x5a };

struct gw_verdict_msg {
	enum gw_verdict verdict;
	enum gw_err reason;               /* GW_ERR_OK when allowed */
	char login[GW_LOGIN_ID_SIZE];
	/* the rest only when allowed */
	uint8_t session[GW_SESSION_ID];
	time_t until;                     /* the session's end, wall clock */
	bool has_account;                 /* false: certificate-only listener */
	char sam[GW_SAM_MAX], upn[GW_UPN_MAX], sid[GW_SID_MAX];
	enum gw_mapping mapping;
	char *groups;                     /* heap: names, comma separated, as
					     the header has them */
	/* One verdict per route of the listener, in configuration order. */
	uint8_t routes[GW_ROUTES_MAX];    /* enum gw_verdict */
	size_t route_count;
};
#define GW_GROUPS_TEXT_MAX 32768

void gw_verdict_encode(struct gw_wr *w, const struct gw_verdict_msg *v);
/* On true, gw_verdict_clear() frees what it holds. */
GW_MUST_CHECK bool gw_verdict_decode(struct gw_rd *r,
				     struct gw_verdict_msg *out);
void gw_verdict_clear(struct gw_verdict_msg *v);

/* ---- auth → kdc */

struct gw_logon {
	char login[GW_LOGIN_ID_SIZE];
	uint32_t budget_ms; /* answer within this time */
	struct gw_claims claims;
	/* The card's certificate, with mapping.mode = "kdc" only: else empty.
	 * Borrowed, after decoding from the message. */
	struct gw_der leaf;
};

void gw_logon_encode(struct gw_wr *w, const struct gw_logon *l);
/* On true, gw_claims_clear(&out->claims) frees what it holds. */
GW_MUST_CHECK bool gw_logon_decode(struct gw_rd *r, struct gw_logon *out);

/* ---- kdc → auth */

void gw_facts_encode(struct gw_wr *w, const struct gw_facts *f);
/* On true, gw_facts_clear() frees what it holds. */
GW_MUST_CHECK bool gw_facts_decode(struct gw_rd *r, struct gw_facts *out);

struct gw_refused {
	enum gw_err code; /* never GW_ERR_OK after decoding */
	char detail[GW_DETAIL_MAX];
	char dc[GW_HOST_MAX]; /* the DC that refused, or "" */
};
void gw_refused_encode(struct gw_wr *w, const struct gw_refused *x);
GW_MUST_CHECK bool gw_refused_decode(struct gw_rd *r, struct gw_refused *out);

/* ---- revocation lists in the directory */

#define GW_LDAP_URL_MAX 2048
#define GW_CRL_FILE_MAX (256u << 20) /* bytes of one list */

struct gw_crl_ask {
	uint32_t budget_ms; /* answer within this time */
	char url[GW_LDAP_URL_MAX]; /* ldap:///DN?attribute[?base[?filter]] */
};
void gw_crl_ask_encode(struct gw_wr *w, const struct gw_crl_ask *m);
GW_MUST_CHECK bool gw_crl_ask_decode(struct gw_rd *r, struct gw_crl_ask *out);

/* The size of the list: the descriptor must hold exactly so many bytes, see
 * gw_memfd_check(). 1 … GW_CRL_FILE_MAX after decoding. */
void gw_crl_encode(struct gw_wr *w, uint32_t size);
GW_MUST_CHECK bool gw_crl_decode(struct gw_rd *r, uint32_t *out_size);

/* ---- NTAuthCertificates */

#define GW_NTAUTH_MAX 256
#define GW_SHA256     32

/* SHA-256 of each certificate in the directory's NTAuthCertificates; none
 * means that no CA may issue cards for logon. */
struct gw_ntauth_msg {
	uint8_t sha256[GW_NTAUTH_MAX][GW_SHA256];
	size_t count;
};
void gw_ntauth_encode(struct gw_wr *w, const struct gw_ntauth_msg *m);
GW_MUST_CHECK bool gw_ntauth_decode(struct gw_rd *r,
				    struct gw_ntauth_msg *out);

/* ---- control codecs */
void gw_file_encode(struct gw_wr *w, const struct gw_file *f);
GW_MUST_CHECK bool gw_file_decode(struct gw_rd *r, struct gw_file *out);
void gw_file_clear(struct gw_file *f);
void gw_listener_msg_encode(struct gw_wr *w, const struct gw_listener_msg *m);
GW_MUST_CHECK bool gw_listener_msg_decode(struct gw_rd *r,
					  struct gw_listener_msg *out);
void gw_link_msg_encode(struct gw_wr *w, const struct gw_link_msg *m);
GW_MUST_CHECK bool gw_link_msg_decode(struct gw_rd *r,
				      struct gw_link_msg *out);

#endif
