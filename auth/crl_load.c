/* crl_load.c — see crl_load.h. An operator's file is copied before it is
 * mapped: whoever cuts it short meanwhile must not end this process. */
#include "crl_load.h"
#include "gw/util.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_SIZE 65536

void
gw_crl_held_clear(struct gw_crl_held *h)
{
	gw_crl_list_clear(&h->list);
	if (h->map != NULL)
		munmap(h->map, h->len);
	*h = (struct gw_crl_held){ .map = NULL };
}

static enum gw_err
unavailable(struct gw_error *err, const char *what)
{
	return gw_fail(err, GW_ERR_REVOCATION_UNAVAILABLE, "%s: %s", what,
		       strerror(errno));
}

static enum gw_err
write_all(int fd, const uint8_t *p, size_t len, struct gw_error *err)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return unavailable(err, "cannot keep it");
		p += n;
		len -= (size_t)n;
	}
	return GW_ERR_OK;
}

static enum gw_err
start_over(int fd, struct gw_error *err)
{
	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		return unavailable(err, "cannot keep it");
	return GW_ERR_OK;
}

static enum gw_err
copy(int from, int to, struct gw_error *err)
{
	uint8_t buf[COPY_SIZE];
	enum gw_err rc = start_over(to, err);
	struct stat st;
	size_t sum = 0;
	ssize_t n;

	if (fstat(from, &st) != 0 || !S_ISREG(st.st_mode))
		return gw_fail(err, GW_ERR_REVOCATION_MALFORMED,
			       "not a plain file");
	if (lseek(from, 0, SEEK_SET) != 0)
		return unavailable(err, "cannot read it");
	while (rc == GW_ERR_OK && (n = read(from, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return unavailable(err, "cannot read it");
		sum += (size_t)n;
		if (sum > GW_CRL_BYTES_MAX)
			return gw_fail(err, GW_ERR_REVOCATION_MALFORMED,
				       "CRL of more than %u MB",
				       GW_CRL_BYTES_MAX >> 20);
		rc = write_all(to, buf, (size_t)n, err);
	}
	return rc;
}

static enum gw_err
map(int fd, struct gw_crl_held *h, struct gw_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return unavailable(err, "cannot read it");
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 ||
	    st.st_size > (off_t)GW_CRL_BYTES_MAX)
		return gw_fail(err, GW_ERR_REVOCATION_MALFORMED,
			       "not a file of 1 byte to %u MB",
			       GW_CRL_BYTES_MAX >> 20);
	h->map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd,
		      0);
	if (h->map == MAP_FAILED) {
		h->map = NULL;
		return unavailable(err, "cannot map it");
	}
	h->len = (size_t)st.st_size;
	return GW_ERR_OK;
}

/* PEM, which is what operators have and some servers send. */
static enum gw_err
decode(int fd, struct gw_crl_held *h, struct gw_error *err)
{
	BIO *b = BIO_new_mem_buf(h->map, (int)h->len);
	unsigned char *der = NULL;
	long len = 0;
	enum gw_err rc = GW_ERR_OK;

	if (b == NULL || PEM_bytes_read_bio(&der, &len, NULL,
					    PEM_STRING_X509_CRL, b, NULL,
					    NULL) != 1)
		rc = gw_fail(err, GW_ERR_REVOCATION_MALFORMED,
			     "no CRL in the PEM text");
	BIO_free(b);
	gw_crl_held_clear(h);
	if (rc == GW_ERR_OK)
		rc = start_over(fd, err);
	if (rc == GW_ERR_OK)
		rc = write_all(fd, der, (size_t)len, err);
	OPENSSL_free(der);
	ERR_clear_error();
	return rc == GW_ERR_OK ? map(fd, h, err) : rc;
}

static bool
is_pem(const struct gw_crl_held *h)
{
	static const char begin[] = "-----BEGIN ";

	return h->len > sizeof(begin) &&
	       memmem(h->map, GW_MIN(h->len, 4096), begin,
		      sizeof(begin) - 1) != NULL &&
	       *(const uint8_t *)h->map != 0x30;
}

static bool
is_proven(struct gw_crl_list *list, STACK_OF(X509) *issuers)
{
	for (int i = 0; i < sk_X509_num(issuers); i++)
		if (gw_crl_list_prove(list, sk_X509_value(issuers, i)))
			return true;
	return false;
}

static enum gw_err
take_apart(struct gw_crl_held *h, STACK_OF(X509) *issuers,
	   struct gw_error *err)
{
	enum gw_err rc = gw_crl_list_parse(h->map, h->len, &h->list, err);

	if (rc == GW_ERR_OK)
		h->is_proven = is_proven(&h->list, issuers);
	return rc;
}

enum gw_err
gw_crl_load(const struct gw_crl_load *l, struct gw_crl_held *out,
	    struct gw_error *err)
{
	struct gw_crl_held h = { .map = NULL };
	int ours = l->to >= 0 ? l->to : l->from;
	enum gw_err rc = GW_ERR_OK;

	if (l->to >= 0 && l->to != l->from)
		rc = copy(l->from, l->to, err);
	if (rc == GW_ERR_OK)
		rc = map(ours, &h, err);
	if (rc == GW_ERR_OK && l->to >= 0 && is_pem(&h))
		rc = decode(ours, &h, err);
	if (rc == GW_ERR_OK)
		rc = take_apart(&h, l->issuers, err);
	if (rc == GW_ERR_OK)
		*out = h;
	else
		gw_crl_held_clear(&h);
	return rc;
}
