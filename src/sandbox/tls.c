/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/tls.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>

#include "base/log.h"

#define REFUSED_MAX 16

/* With TLS 1.3 a client speaks before it can know that it is refused. To close
 * a connection on which something waits unread is to reset it, and a reset can
 * overtake the alert; so each stays until as many others were refused. Static,
 * as the session is all that a verification has. */
static void let_it_read(gnutls_session_t session)
{
	static int kept[REFUSED_MAX]; /* 0: none */
	static size_t next;
	int fd = gnutls_transport_get_int(session);

	(void)shutdown(fd, SHUT_WR); /* may have ended by itself */
	if (kept[next] > 0)
		(void)close(kept[next]); /* nobody waits for it */
	kept[next] = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	next = (next + 1) % REFUSED_MAX;
}

static int refuse(gnutls_session_t session, gnutls_alert_description_t alert,
		  const char *why)
{
	log_event(LOG_LEVEL_INFO, "client-refused", NULL, "reason=\"%s\"", why);
	/* The connection ends either way. */
	(void)gnutls_alert_send(session, GNUTLS_AL_FATAL, alert);
	let_it_read(session);
	return GNUTLS_E_CERTIFICATE_ERROR;
}

static int verify_client(gnutls_session_t session)
{
	unsigned char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st wanted = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = purpose,
	};
	unsigned status = 0;
	int result = gnutls_certificate_verify_peers(session, &wanted, 1,
						     &status);

	if (result == GNUTLS_E_NO_CERTIFICATE_FOUND)
		return refuse(session, GNUTLS_A_CERTIFICATE_REQUIRED,
			      "no client certificate");
	if (result < 0)
		return refuse(session, GNUTLS_A_BAD_CERTIFICATE,
			      gnutls_strerror(result));
	if (status != 0)
		return refuse(session, GNUTLS_A_UNKNOWN_CA,
			      "client certificate not of this sandbox");
	return 0;
}

void tls_require_client(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	if (!info)
		return; /* plain HTTP */

	gnutls_session_t session = info->tls_session;

	/* With REQUIRE the library hangs up on a client without a certificate
	 * and sends no alert; with REQUEST verify_client sees it, and does. */
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
	gnutls_session_set_verify_function(session, verify_client);
}
