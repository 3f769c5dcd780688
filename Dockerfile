# One image for web, worker and beat; the command says which. No secret is built in.
FROM python:3.11-slim AS packages
WORKDIR /portal
RUN python -m venv /opt/venv
COPY requirements.txt .
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: \
        -r requirements.txt

FROM python:3.11-slim
RUN useradd --system --create-home --uid 10001 portal
WORKDIR /portal
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ENV_FILE= \
    VAR_DIR=/var/lib/portal \
    WEB_BIND=0.0.0.0:8000
COPY --from=packages /opt/venv /opt/venv
COPY manage.py ./
COPY merchant_portal merchant_portal
COPY customers customers
COPY notifications notifications
COPY links links
COPY templates templates
COPY static static
COPY scripts/healthcheck.py scripts/healthcheck.py
# Styles and scripts are collected with keys that live for this one command.
RUN mkdir -p /var/lib/portal \
    && python manage.py collectstatic --noinput --verbosity 0 \
    && rm -f /var/lib/portal/keys.json \
    && chown -R portal:portal /var/lib/portal
USER portal
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "scripts/healthcheck.py"]
CMD ["gunicorn", "-c", "python:merchant_portal.gunicorn_conf", "merchant_portal.wsgi:application"]
