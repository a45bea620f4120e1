dnl SPDX-License-Identifier: MIT
dnl Copyright (c) 2026 The meshdrop authors

dnl Each MESHDROP_*_FLAGS macro handles one concern and fills MESHDROP_CFLAGS,
dnl MESHDROP_CPPFLAGS and MESHDROP_LDFLAGS.

AC_DEFUN([MESHDROP_WARNING_FLAGS], [
MESHDROP_CFLAGS_EACH([MESHDROP_CFLAGS], [-Wall -Wextra -Wpedantic -Wshadow
	-Wformat=2 -Wformat-signedness -Wstrict-prototypes -Wmissing-prototypes
	-Wmissing-declarations -Wold-style-definition -Wwrite-strings
	-Wpointer-arith -Wcast-qual -Wconversion -Wsign-conversion -Wvla
	-Walloca -Wundef -Wnull-dereference -Wimplicit-fallthrough
	-Wswitch-enum -Wduplicated-cond -Wduplicated-branches -Wlogical-op
	-Wjump-misses-init])
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror],
	[treat warnings as errors; for continuous integration])],
	[], [enable_werror=no])
AS_IF([test "x$enable_werror" = xyes],
	[AS_VAR_APPEND([MESHDROP_CFLAGS], [" -Werror"])])
])

dnl libFuzzer is clang's. Everything is instrumented for it, and sanitized.
AC_DEFUN([MESHDROP_FUZZING_FLAGS], [
AC_ARG_ENABLE([fuzzing], [AS_HELP_STRING([--enable-fuzzing],
	[build the targets of tests/fuzz for libFuzzer; needs CC=clang, and
	turns the sanitizers on])], [], [enable_fuzzing=no])
FUZZ_LDFLAGS=
AS_IF([test "x$enable_fuzzing" = xyes], [
	meshdrop_fuzz=
	MESHDROP_CFLAG([meshdrop_fuzz], [-fsanitize=fuzzer-no-link])
	AS_IF([test -z "$meshdrop_fuzz"],
		[AC_MSG_ERROR([$CC has no libFuzzer.
On Debian and Ubuntu: apt-get install clang, then configure with CC=clang])])
	AS_VAR_APPEND([MESHDROP_CFLAGS], ["$meshdrop_fuzz"])
	FUZZ_LDFLAGS=-fsanitize=fuzzer
])
AC_SUBST([FUZZ_LDFLAGS])
AM_CONDITIONAL([FUZZING], [test "x$enable_fuzzing" = xyes])
])

AC_DEFUN([MESHDROP_SANITIZER_FLAGS], [
AC_ARG_ENABLE([sanitizers], [AS_HELP_STRING([--enable-sanitizers],
	[build with address and undefined behaviour sanitizers; any finding
	ends the program])], [], [enable_sanitizers=$enable_fuzzing])
AS_IF([test "x$enable_sanitizers" = xyes], [
	meshdrop_san=
	MESHDROP_LDFLAG([meshdrop_san], [-fsanitize=address,undefined])
	AS_IF([test -z "$meshdrop_san"],
		[AC_MSG_ERROR([the sanitizers do not link with $CC.
On Debian and Ubuntu: apt-get install libgcc-12-dev (for gcc) or libclang-rt-14-dev (for clang)])])
	AS_VAR_APPEND([MESHDROP_CFLAGS], ["$meshdrop_san -fno-sanitize-recover=all -fno-omit-frame-pointer"])
	AS_VAR_APPEND([MESHDROP_LDFLAGS], ["$meshdrop_san"])
])
])

dnl Fortified functions hide calls from the address sanitizer, and zeroed
dnl variables hide what it could find: both only without sanitizers.
AC_DEFUN([MESHDROP_HARDENING_FLAGS], [
AC_ARG_ENABLE([hardening], [AS_HELP_STRING([--disable-hardening],
	[leave out the hardening flags])], [], [enable_hardening=yes])
AS_IF([test "x$enable_hardening" = xyes], [
	AS_IF([test "x$enable_sanitizers" != xyes], [
		MESHDROP_CFLAG([meshdrop_fortify], [-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3])
		AS_IF([test -z "$meshdrop_fortify"], [
			MESHDROP_CFLAG([meshdrop_fortify], [-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2])])
		AS_VAR_APPEND([MESHDROP_CPPFLAGS], ["$meshdrop_fortify"])
		MESHDROP_CFLAG([MESHDROP_CFLAGS], [-ftrivial-auto-var-init=zero])
	])
	MESHDROP_CFLAGS_EACH([MESHDROP_CFLAGS], [-fstack-protector-strong
		-fstack-clash-protection -fcf-protection])
	meshdrop_pie=
	MESHDROP_CFLAG([meshdrop_pie], [-fPIE])
	meshdrop_link_cflags=$meshdrop_pie
	AS_IF([test -n "$meshdrop_pie"], [
		AS_VAR_APPEND([MESHDROP_CFLAGS], ["$meshdrop_pie"])
		MESHDROP_LDFLAG([MESHDROP_LDFLAGS], [-pie])])
	m4_foreach_w([meshdrop_flag],
		[-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack],
		[MESHDROP_LDFLAG([MESHDROP_LDFLAGS], m4_defn([meshdrop_flag]))])
])
])
