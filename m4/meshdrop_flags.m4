dnl SPDX-License-Identifier: MIT
dnl Copyright (c) 2026 The meshdrop authors

dnl MESHDROP_CFLAG(VARIABLE, FLAGS)
dnl Appends FLAGS to VARIABLE when the compiler takes them without a word.
dnl The user's CFLAGS are part of the question and are never changed.
AC_DEFUN([MESHDROP_CFLAG], [
AS_VAR_PUSHDEF([cache], [meshdrop_cv_cflag_$2])
AC_CACHE_CHECK([whether $CC accepts $2], [cache], [
	meshdrop_saved_cflags=$CFLAGS
	CFLAGS="$CFLAGS -Werror $2"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]], [[]])],
		[AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
	CFLAGS=$meshdrop_saved_cflags
])
AS_VAR_IF([cache], [yes], [AS_VAR_APPEND([$1], [" $2"])])
AS_VAR_POPDEF([cache])
])

dnl MESHDROP_CFLAGS_EACH(VARIABLE, LIST)
dnl Probes each flag of a blank-separated list by itself.
AC_DEFUN([MESHDROP_CFLAGS_EACH],
	[m4_foreach_w([meshdrop_flag], [$2],
		[MESHDROP_CFLAG([$1], m4_defn([meshdrop_flag]))])])

dnl MESHDROP_LDFLAG(VARIABLE, FLAGS)
dnl As MESHDROP_CFLAG, asking the linker.
AC_DEFUN([MESHDROP_LDFLAG], [
AS_VAR_PUSHDEF([cache], [meshdrop_cv_ldflag_$2])
AC_CACHE_CHECK([whether the linker accepts $2], [cache], [
	meshdrop_saved_ldflags=$LDFLAGS
	meshdrop_saved_cflags=$CFLAGS
	CFLAGS="$CFLAGS $meshdrop_link_cflags"
	LDFLAGS="$LDFLAGS -Werror $2"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[]])],
		[AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
	LDFLAGS=$meshdrop_saved_ldflags
	CFLAGS=$meshdrop_saved_cflags
])
AS_VAR_IF([cache], [yes], [AS_VAR_APPEND([$1], [" $2"])])
AS_VAR_POPDEF([cache])
])

dnl MESHDROP_NEED(VARIABLE, MODULE, WHAT-FOR, DEBIAN-PACKAGE)
dnl A pkg-config module that we cannot do without.
AC_DEFUN([MESHDROP_NEED], [
PKG_CHECK_MODULES([$1], [$2], [],
	[AC_MSG_ERROR([$2 is needed for $3 and was not found.
On Debian and Ubuntu: apt-get install $4])])
])

dnl MESHDROP_UNIT_DIR(NAME, VARIABLE IN systemd.pc, FALLBACK BELOW prefix)
dnl Where the system looks for these files, but only when the prefix is the
dnl system's own: an install below another prefix never writes outside it.
AC_DEFUN([MESHDROP_UNIT_DIR], [
AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=DIR],
	[directory for systemd files of this kind, "no" for none @<:@probed@:>@])],
	[], [with_$1=auto])
AS_IF([test "x$with_$1" = xauto || test "x$with_$1" = xyes], [
	with_$1=
	AS_CASE([$prefix], [NONE|/usr|/usr/local],
		[AS_IF([test -n "$PKG_CONFIG"], [with_$1=$(
			"$PKG_CONFIG" --variable=$2 systemd 2>/dev/null)])])
	AS_IF([test -z "$with_$1"], [with_$1='${prefix}/$3'])
])
AS_IF([test "x$with_$1" = xno], [$1=], [$1=$with_$1])
AC_SUBST([$1])
AM_CONDITIONAL(m4_toupper([WITH_$1]), [test -n "$$1"])
])
