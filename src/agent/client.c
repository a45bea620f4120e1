/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/client.h"

#include "conf/conf.h"
#include "net/http.h"

int client_new(const struct conf *conf, bool (*go_on)(void *ctx), void *ctx,
	       struct http_client **ret, struct err *err)
{
	struct http_settings settings = {
		.url = conf->url,
		.ca_file = conf->ca_file,
		.certificate = conf->certificate,
		.private_key = conf->private_key,
		.proxy = conf->proxy,
		.proxy_user = conf->proxy_user,
		.proxy_password = conf->proxy_user ? conf->proxy_password.text :
						     NULL,
		.connect_timeout_ns = conf->connect_timeout_ns,
		.stall_timeout_ns = conf->stall_timeout_ns,
		.go_on = go_on,
		.ctx = ctx,
	};
	return http_client_new(&settings, ret, err);
}
