-- The role that WGI logs in as on a real server: it makes WGI's databases and group roles, and is no superuser.
-- Run once as an administrator:  psql -v password="'...'" -f login_role.sql
CREATE ROLE wgi LOGIN CREATEDB CREATEROLE PASSWORD :password;
