# The emulator of AWS in an environment of its own, .cache/ddl-venv, as it pins botocore. For the shell that sources it, in
# the root of the checkout; needs python3 with venv. Costs nothing when it is there.
ddl_environment() {
  local requirements=tests/ddl/requirements.txt environment=.cache/ddl-venv
  if cmp -s "$requirements" "$environment/requirements.txt"; then return; fi
  rm -rf "$environment"
  python3 -m venv "$environment" \
    && "$environment/bin/pip" install -q --disable-pip-version-check -r "$requirements" \
    && cp "$requirements" "$environment/requirements.txt"
}
