/* auth/der.h — a strict reader of DER elements. Linked into gwd-auth (gwcert).
 * Accepts low tag numbers and definite lengths in their shortest form only:
 * what BER allows beyond that is refused, so that one value has one encoding.
 * Pure; never reads past its input. */
#ifndef GW_DER_H
#define GW_DER_H

#include "gw/compiler.h"
#include "gw/proto.h"

/* Identifier octets. */
#define GW_DER_BOOLEAN   0x01
#define GW_DER_INTEGER   0x02
#define GW_DER_BITS      0x03
#define GW_DER_OCTETS    0x04
#define GW_DER_OID       0x06
#define GW_DER_UTF8      0x0c
#define GW_DER_UTC_TIME  0x17
#define GW_DER_GENERALIZED_TIME 0x18
#define GW_DER_SEQUENCE  0x30
#define GW_DER_CONSTRUCTED 0x20
#define GW_DER_CONTEXT_P 0x80 /* + tag number, primitive */
#define GW_DER_CONTEXT_C 0xa0 /* + tag number, constructed */

/* Takes the first element off `rest`. False, and nothing taken, when there
 * is none or it is not DER. */
GW_MUST_CHECK bool gw_der_take(struct gw_der *rest, uint8_t *out_tag,
			       struct gw_der *out_body);

/* The same, but only an element with this tag. */
GW_MUST_CHECK bool gw_der_expect(struct gw_der *rest, uint8_t tag,
				 struct gw_der *out_body);

/* The same; `out_whole` is the element with identifier and length. */
GW_MUST_CHECK bool gw_der_whole(struct gw_der *rest, uint8_t tag,
				struct gw_der *out_whole,
				struct gw_der *out_body);

/* `in` is one element with this tag and nothing after it. */
GW_MUST_CHECK bool gw_der_only(struct gw_der in, uint8_t tag,
			       struct gw_der *out_body);

/* How many elements `in` holds one after the other; false: not DER. */
GW_MUST_CHECK bool gw_der_count(struct gw_der in, size_t *out);

/* Every element, and those in constructed ones at most `depth` deep, has a
 * definite length in its shortest form and ends where it should; booleans are
 * yes or no. */
GW_MUST_CHECK bool gw_der_is_strict(struct gw_der in, int depth);

/* How many elements there are at all depths, of what is strict. */
size_t gw_der_elements(struct gw_der in);

bool gw_der_equals(struct gw_der a, const void *p, size_t len);

#endif
