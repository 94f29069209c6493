import '@formgate/express'
