/* gw/conf.h — the configuration: structs and the table that describes them.
 * Linked into every process. The supervisor reads the file (libconfuse),
 * checks it whole and sends each process only the sections it needs; the
 * parser, the defaults, gwd.conf(5) and the wire form all come from the
 * table. Nothing here does I/O. */
#ifndef GW_CONF_H
#define GW_CONF_H

#include "gw/error.h"
#include "gw/strlist.h"
#include "gw/wire.h"

/* Processes, as a set: who gets a section. */
enum gw_process {
	GW_SUPERVISOR = 1u << 0,
	GW_PROXY      = 1u << 1,
	GW_AUTH       = 1u << 2,
	GW_KDC        = 1u << 3,
};

enum gw_denied { GW_DENIED_PAGE, GW_DENIED_ALERT };
enum gw_map_mode { GW_MAP_DIRECTORY, GW_MAP_KDC };
enum gw_strong { GW_STRONG_REQUIRED, GW_STRONG_PREFER, GW_STRONG_OFF };
enum gw_privileged { GW_PRIVILEGED_DENY, GW_PRIVILEGED_ALLOW };
enum gw_ocsp_mode { GW_OCSP_FAILOVER, GW_OCSP_OVERRIDE };
enum gw_ocsp_hash { GW_OCSP_SHA1, GW_OCSP_SHA256 };
enum gw_ocsp_method { GW_OCSP_AUTO, GW_OCSP_POST };
enum gw_on_unavailable { GW_UNAVAILABLE_DENY, GW_UNAVAILABLE_GRACE };
enum gw_admission { GW_ADMIT_DIRECTORY, GW_ADMIT_CERTIFICATE };

struct gw_conf_main {
	char *proxy_user, *auth_user, *kdc_user; /* name or UID[:GID] */
	char *socket;            /* operator API, Unix socket path */
	char *state_dir;
	char *crl_dir;           /* where operators put CRL files; or "" */
	int64_t workers;         /* proxy threads; 0: one per processor */
	int64_t ticket_rotation_ms;
	char *log_level;
};

struct gw_conf_directory {
	char *realm, *domain;
	char *service_account;   /* sAMAccountName */
	char *keytab;            /* path; the supervisor reads it */
	struct gw_strlist domain_controllers; /* NAME or NAME@ADDRESS; empty:
						  SRV records of the domain */
	int64_t threads, queue;
	int64_t connect_timeout_ms, kdc_timeout_ms, ldap_timeout_ms;
	int64_t login_timeout_ms; /* whole LOGON, fail-over included */
	int64_t probe_interval_ms;
};

struct gw_conf_mapping {
	int64_t mode;            /* enum gw_map_mode */
	int64_t strong;          /* enum gw_strong */
	struct gw_strlist upn_suffixes;
};

struct gw_conf_revocation {
	int64_t timeout_ms;      /* one responder */
	int64_t total_timeout_ms;/* all of them, for one login */
	int64_t skew_ms;
	int64_t max_age_ms;      /* oldest thisUpdate */
	int64_t cache_max_ms;    /* longest use of one answer */
	int64_t cache_open_ms;   /* use of an answer without nextUpdate */
	int64_t recheck_ms;      /* of the certificates of live sessions */
	int64_t crl_timeout_ms;  /* fetching one list */
	int64_t crl_refresh_ms;  /* a list is fetched again at least so often */
	int64_t crl_max;         /* lists kept */
};

struct gw_conf_session {
	int64_t max;             /* how many at once */
	int64_t lifetime_ms;     /* longest session */
	int64_t reuse_ms;        /* a new connection with the same card joins a
				    session judged at most this long ago */
};

struct gw_conf_policy {
	int64_t privileged;      /* enum gw_privileged */
};

struct gw_conf_headers {
	char *user, *upn, *sid, *groups, *request_id, *mapping;
	char *via;               /* our name in Via; "" for none */
	bool client_cert;        /* RFC 9440 Client-Cert, Client-Cert-Chain */
};

struct gw_conf_ca {
	char *title;
	char *file;              /* PEM, one or more certificates */
	/* revocation */
	struct gw_strlist revocation; /* "ocsp", "crl", in the order asked */
	char *ocsp_url;
	int64_t ocsp_mode;       /* enum gw_ocsp_mode */
	int64_t ocsp_hash;       /* enum gw_ocsp_hash: of the CertID */
	int64_t ocsp_method;     /* enum gw_ocsp_method */
	bool ocsp_nonce;
	struct gw_strlist crl;   /* URLs, and files below crl_dir */
	bool check_intermediates;
	int64_t on_unavailable;  /* enum gw_on_unavailable */
	int64_t grace_ms;        /* after the last good answer's end */
	/* profile and path */
	bool require_smartcard_eku;
	struct gw_strlist require_eku;    /* OIDs, all of them, besides */
	struct gw_strlist require_policy; /* OIDs, one of them */
	bool ntauth;             /* the issuer must be in NTAuthCertificates */
	int64_t max_depth;       /* CAs in the path */
	int64_t validity_skew_ms; /* outside notBefore and notAfter */
	struct gw_strlist relax; /* rules given up for this CA */
};

struct gw_conf_upstream {
	char *title;
	struct gw_strlist servers; /* ADDRESS:PORT */
	int64_t connect_timeout_ms, response_timeout_ms, idle_timeout_ms;
	int64_t keepalive;       /* idle connections kept per thread */
	bool websocket;          /* Upgrade may pass */
};

struct gw_conf_listener {
	char *title;
	char *address;           /* ADDRESS:PORT */
	/* paths; the supervisor reads them */
	char *certificate, *key; /* PEM: the default one */
	char *staple;            /* OCSP response in DER, or "" */
	bool strict_sni;         /* refuse names no certificate has */
	char *upstream;          /* for paths no route takes; may be "" */
	int64_t denied;          /* enum gw_denied */
	int64_t admission;       /* enum gw_admission */
	struct gw_strlist require_group; /* any of them; empty: none needed */
	int64_t handshake_timeout_ms, header_timeout_ms, idle_timeout_ms;
	int64_t body_timeout_ms; /* between two reads */
	int64_t tunnel_timeout_ms; /* an upgraded connection at rest */
	int64_t body_min_rate;   /* bytes a second; 0: none */
	int64_t max_header, max_body;
	/* at once; of all, and of one client address; 0: no limit */
	int64_t max_connections, max_handshakes, max_heads;
	int64_t source_connections, source_handshakes, source_heads;
	bool resumption;         /* TLS tickets, judged anew at each use */
};

/* A further certificate of a listener, inside which it stands. */
struct gw_conf_identity {
	char *title;
	char *listener;
	char *certificate, *key, *staple;
};

/* A path below a listener with its own upstream or groups. In the file it
 * stands inside its listener. */
struct gw_conf_route {
	char *title;             /* path prefix, "/echo" */
	char *listener;
	char *upstream;
	struct gw_strlist require_group; /* besides the listener's */
};

struct gw_conf {
	struct gw_conf_main main;
	struct gw_conf_directory directory;
	struct gw_conf_mapping mapping;
	struct gw_conf_revocation revocation;
	struct gw_conf_session session;
	struct gw_conf_policy policy;
	struct gw_conf_headers headers;
	struct gw_conf_ca *cas;
	size_t ca_count;
	struct gw_conf_upstream *upstreams;
	size_t upstream_count;
	struct gw_conf_listener *listeners;
	size_t listener_count;
	struct gw_conf_identity *identities;
	size_t identity_count;
	struct gw_conf_route *routes;
	size_t route_count;
};

#define GW_CONF_INSTANCES_MAX 1024 /* of one titled section */

enum gw_conf_type { GW_CT_BOOL, GW_CT_INT, GW_CT_MSEC, GW_CT_STR, GW_CT_LIST,
		    GW_CT_ENUM };
enum gw_conf_flag {
	GW_CF_REQUIRED = 1, /* must be given and not empty */
	GW_CF_PATH = 2,     /* a file the supervisor must be able to read */
};

struct gw_conf_key {
	const char *name;
	enum gw_conf_type type;
	size_t offset;
	const char *dflt;    /* as written in the file; NULL: empty */
	int64_t lo, hi;      /* INT, and MSEC in milliseconds */
	const char *choices; /* ENUM: "page|alert", value = position */
	unsigned flags;      /* enum gw_conf_flag */
	const char *doc;     /* a sentence for the manual */
};

struct gw_conf_section {
	const char *name;    /* "listener"; "" for the top level */
	const char *parent;  /* the section it stands inside, or NULL */
	bool is_titled;      /* may come many times, each with a title */
	size_t offset;       /* in struct gw_conf: the struct, or its array */
	size_t count_offset; /* titled: where the count is */
	size_t size;
	size_t title_offset, parent_offset; /* char * members, when titled */
	unsigned who;        /* enum gw_process set */
	const struct gw_conf_key *keys;
	size_t key_count;
	const char *doc;
};

extern const struct gw_conf_section gw_conf_sections[];
extern const size_t gw_conf_section_count;
/* By name; NULL when there is none. */
const struct gw_conf_section *gw_conf_section(const char *name);

void gw_conf_clear(struct gw_conf *c);

/* A new zeroed instance of a titled section, or the one of a plain one. NULL
 * past GW_CONF_INSTANCES_MAX. */
void *gw_conf_instance(struct gw_conf *c, const struct gw_conf_section *s);

/* Sets one value from its text ("2s", "yes", "page", "17", …; lists take the
 * texts one after the other). GW_ERR_CONF with the reason. */
GW_MUST_CHECK enum gw_err gw_conf_set(void *instance,
				      const struct gw_conf_key *key,
				      const char *text, struct gw_error *err);
/* Gives one key, or every key of the instance, its default. */
void gw_conf_reset(void *instance, const struct gw_conf_key *key);
void gw_conf_defaults(void *instance, const struct gw_conf_section *s);

/* The way back: value `i` of a key as gw_conf_set() takes it, heap; NULL
 * when there are no so many (only lists have more than one). */
char *gw_conf_text(const void *instance, const struct gw_conf_key *key,
		   size_t i) GW_MUST_CHECK;
bool gw_conf_is_default(const void *instance, const struct gw_conf_key *key);

/* "250ms", "2s", "5min", "8h", "1d"; a bare number is refused. */
bool gw_parse_duration(const char *s, int64_t *out_ms);

/* One instance to and from a message payload. Decoding adds it to `c`.
 * GW_ERR_PROTO: no such section, or not its keys. */
void gw_conf_encode(struct gw_wr *w, const struct gw_conf_section *s,
		    const void *instance);
GW_MUST_CHECK enum gw_err gw_conf_decode(struct gw_rd *r, struct gw_conf *c);

/* Judges a section `ca` beyond its single values: words, OIDs, URLs, and that
 * files lie below `crl_dir` ("": there is none). On GW_ERR_CONF the detail
 * begins with the key, which `*out_key` is, too. Pure. */
GW_MUST_CHECK enum gw_err gw_conf_ca_check(const struct gw_conf_ca *ca,
					   const char *crl_dir,
					   const char **out_key,
					   struct gw_error *err);
/* Only what can be told of each key by itself; the same error. */
GW_MUST_CHECK enum gw_err gw_conf_ca_check_values(const struct gw_conf_ca *ca,
						  const char **out_key,
						  struct gw_error *err);
/* More are refused. */
#define GW_CA_PLACE_MAX    511 /* bytes of ocsp_url, of each of crl */
#define GW_CA_CRLS_MAX     16
#define GW_CA_EKUS_MAX     6
#define GW_CA_POLICIES_MAX 16

/* By title; NULL when there is none. */
const struct gw_conf_listener *gw_conf_listener(const struct gw_conf *c,
						const char *title);
const struct gw_conf_upstream *gw_conf_upstream(const struct gw_conf *c,
						const char *title);

#endif
